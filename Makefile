# make demo and make test are all that a fresh machine needs (python3.11+, make).

PYTHON ?= python3
BIN := .venv/bin

# Without bytecode each of the hundreds of processes of the tests compiles all modules.
unexport PYTHONDONTWRITEBYTECODE

READY := .venv/ready
LOADERS := .venv-loaders/ready

.PHONY: demo test test-all test-thorough test-loaders test-loaders-all machines lint types check \
	tables image torture dask-torture coverage fuzz mutants soak day bench bench-check scale \
	scaling astroquery-pre clean

demo: $(READY)
	$(BIN)/harvester demo

# Files in the order that tests/conftest.py gives: the longest ones first. Whole harvests
# wait for archives, so that there are more workers than cores: one, or twice as many for
# the long tests, which wait most of their time.
FILES := --dist loadfile --no-loadscope-reorder
WORKERS := -n $(shell echo $$(($$(nproc) + 1))) $(FILES)
LONG_WORKERS := -n $(shell echo $$((2 * $$(nproc)))) $(FILES)

test: $(READY)
	$(BIN)/pytest -q $(WORKERS) -m "not long and not machines and not bench"

# What takes minutes as well: whole harvests that are stopped, starved and slowed down.
test-all: test
	$(BIN)/pytest -q $(LONG_WORKERS) -m "long and not thorough" --timeout 900 \
		--durations 25

# By hand: all long tests, and more random numbers in those that draw them.
test-thorough: $(READY)
	HARVESTER_THOROUGH=1 $(BIN)/pytest -q $(LONG_WORKERS) -m long --timeout 3600

# Several machines: behind a broker, as hosts of network namespaces, as a job array.
machines: $(READY)
	$(BIN)/pytest -q -n auto --dist loadfile -m machines --timeout 1200 tests/harvests

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/codespell harvester tests docs benchmarks docker *.md CITATION.cff

types: $(READY)
	$(BIN)/mypy

# The real loaders read what is exported; they are many, and in an environment apart.
test-loaders: $(LOADERS)
	.venv-loaders/bin/pytest -q -n auto --dist loadfile -m "not long" tests/loaders

# Formats that need an extra are killed here, the others by `make test-all`.
test-loaders-all: test-loaders
	.venv-loaders/bin/pytest -q -n auto -m long tests/dataset/export/test_kills.py \
		-k "lance or zarr"
	.venv-loaders/bin/pytest -q -n auto --dist loadfile -m long \
		tests/loaders/executors

check: lint types test-all test-loaders-all machines

# The tables of docs/catalogues.md, by reading a file of each format.
tables: $(READY)
	$(BIN)/python tests/catalogue/formats_table.py

image: $(READY)
	$(BIN)/pytest -v -rs --timeout=1800 tests/container/image_checks.py

# By hand: make torture TORTURE="--disturbances 200", or "--hours 8 --seed 2".
TORTURE ?= --disturbances 20

torture: $(READY)
	$(BIN)/python tests/harvests/torture.py $(TORTURE)

# By hand: make dask-torture DISTURBANCES=30 SEED=4; with a scheduler and workers of its
# own that are killed.
DISTURBANCES ?= 30
SEED ?= 1

dask-torture: $(LOADERS)
	PYTHONPATH=.:tests/harvests:tests/loaders/executors .venv-loaders/bin/python \
		tests/loaders/executors/dask_torture.py --disturbances $(DISTURBANCES) --seed $(SEED)

# On disks that are full, closed or broken coverage itself cannot write, and says so.
coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n auto --dist loadfile --timeout 900 \
		--ignore tests/harvests/test_machine.py \
		--ignore tests/harvests/test_system_calls.py
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

FUZZ ?= --seconds 120

fuzz: $(READY)
	$(BIN)/python tests/fuzz/fuzz.py $(FUZZ)

MUTANTS ?= --count 40

mutants: $(READY)
	$(BIN)/python tests/mutants.py $(MUTANTS)

SOAK ?= --minutes 60

soak: $(READY)
	$(BIN)/python tests/harvests/soak.py $(SOAK)

# 24 hours by a clock that runs fast; --keep FOLDER keeps the log, as JSON and as a story.
DAY ?=

day: $(READY)
	$(BIN)/python tests/harvests/day.py $(DAY)

# Some ten minutes; docs/performance.md says what is needed for a claim.
BENCH ?= --rounds 2 --galaxies 20 --sides 40 --pace-seconds 3 \
	--parts harvests,ways,pace,footprints,cutting,downloads,scaling

bench: $(READY)
	$(BIN)/python benchmarks/bench.py $(BENCH)

# Each part and each race at its smallest, when a benchmark or a contestant was changed.
bench-check: $(READY)
	$(BIN)/pytest -q -m bench tests/test_benchmarks.py

# What limits harvests on many machines, simulated from costs that are measured first.
scaling: $(LOADERS)
	.venv-loaders/bin/python benchmarks/scaling.py $(SCALING)

# Half an hour and 8 GB of disk: make scale SCALE="--targets 5000,50000" is quick.
SCALE ?= --targets 10000,100000,1000000

scale: $(READY)
	$(BIN)/python benchmarks/scale.py $(SCALE)

# Everything is installed from the locks, with hashes; the project itself in place.
$(READY): pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Without dependencies: the lock names all, but for torch (requirements/no-torch.txt).
$(LOADERS): pyproject.toml requirements/loaders.txt
	$(PYTHON) -m venv --clear .venv-loaders
	.venv-loaders/bin/pip install --quiet --no-deps --require-hashes \
		-r requirements/loaders.txt
	.venv-loaders/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Informs, and never fails: what comes next of astroquery, in an environment of its own.
astroquery-pre: $(READY)
	-$(PYTHON) -m venv --clear .venv-pre
	-.venv-pre/bin/pip install --quiet --require-hashes -r requirements/dev.txt
	-.venv-pre/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	-.venv-pre/bin/pip install --quiet --upgrade --pre astroquery
	-.venv-pre/bin/pytest -q -n auto -m "not harvest and not long" \
		$(shell grep -rl --include='test_*.py' astroquery tests/archives tests/sandbox)

clean:
	rm -rf .venv .venv-pre .venv-loaders .cache harvester-demo fuzz-found
