# harvester in a container: one process, no root, one writable place (/data).
#
# The base is any image of Debian's kind with Python 3.11 or newer. To have the same
# bytes every time, name it with its digest: --build-arg BASE=python:...@sha256:...
ARG BASE=python:3.12-slim-bookworm


# What the harvester stands on. It is locked and seldom changes, and so neither does
# the layer that it makes.
FROM ${BASE} AS locked

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

# pip stays in a venv of its own: in the image nothing can install anything.
RUN python3 -m venv /opt/build && \
    python3 -m venv --without-pip /opt/venv

WORKDIR /src
COPY requirements/ requirements/
RUN /opt/build/bin/pip install --require-hashes -r requirements/build.txt && \
    /opt/build/bin/pip --python /opt/venv/bin/python3 install \
        --require-hashes --only-binary=:all: -r requirements/runtime.txt


# The harvester itself, as a tree to be laid over that.
FROM locked AS project

COPY pyproject.toml README.md LICENSE ./
COPY harvester/ harvester/
RUN /opt/build/bin/hatchling build -t wheel -d /wheels && \
    /opt/build/bin/pip --python /opt/venv/bin/python3 install \
        --no-index --no-deps --prefix /project /wheels/*.whl


FROM ${BASE}

LABEL org.opencontainers.image.title="harvester" \
      org.opencontainers.image.description="Galaxy stamps from HST and SDSS" \
      org.opencontainers.image.licenses="BSD-3-Clause"

# The number is what volumes and `runAsNonRoot` go by; the name is for `ls -l`.
RUN groupadd --gid 10001 harvester && \
    useradd --uid 10001 --gid 10001 --no-log-init --no-create-home \
        --home-dir /tmp --shell /usr/sbin/nologin harvester && \
    install -d -o 10001 -g 10001 -m 0750 /data

# Root's, so that the harvester cannot change its own code.
COPY --from=locked /opt/venv /opt/venv
COPY --from=project /project /opt/venv
COPY docker/entrypoint.sh docker/healthcheck.sh /opt/harvester/

# Libraries that keep something at home keep it in /tmp; a cutting process needs no
# more threads than one.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    HOME=/tmp \
    XDG_STATE_HOME=/data/state \
    HARVESTER_RUN=/data/run

USER 10001:10001
WORKDIR /data
VOLUME /data

HEALTHCHECK --interval=60s --timeout=30s --start-period=120s --retries=3 \
    CMD ["/opt/harvester/healthcheck.sh"]
ENTRYPOINT ["/opt/harvester/entrypoint.sh"]
