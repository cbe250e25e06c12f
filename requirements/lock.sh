#!/bin/sh
# Writes runtime.txt, dev.txt, loaders.txt and build.txt anew from pyproject.toml and build.in.
#
#   requirements/lock.sh              what is locked stays, as far as it still fits
#   requirements/lock.sh --upgrade    the newest versions that fit
#   requirements/lock.sh --upgrade-package aiohttp
#
# One file serves every Python from 3.11 on and every machine: where they need
# different versions, the lines carry markers. The hashes are those of all files of
# a version. The address of the index stays out: pip asks the one that it is set to.
set -eu
cd "$(dirname "$0")/.."

uv=$(command -v uv) || {
    tool=$(mktemp -d)
    trap 'rm -rf "$tool"' EXIT
    python3 -m venv "$tool"
    "$tool/bin/pip" install --quiet uv
    uv=$tool/bin/uv
}

lock() {
    UV_CUSTOM_COMPILE_COMMAND=requirements/lock.sh \
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-emit-index-url "$@"
}

lock "$@" --output-file requirements/build.txt requirements/build.in
lock "$@" --output-file requirements/runtime.txt pyproject.toml
# The tests run on what the image is made of, and not on something newer.
lock "$@" --output-file requirements/dev.txt --extra dev \
    --constraints requirements/runtime.txt --constraints requirements/build.txt \
    pyproject.toml requirements/build.in
# The same again, and what users read data sets with.
lock "$@" --output-file requirements/loaders.txt --extra dev --extra loaders \
    --constraints requirements/dev.txt --overrides requirements/no-torch.txt \
    pyproject.toml requirements/build.in
