# make demo     install into .venv, then train, convert, prove and measure everything
# make test     install into .venv, then every check and test
# make boards   install into .venv, then the tests on emulated boards behind ssh and adb (needs root)
# make bench    time our files beside those of every stock route, our calls beside the raw engines'
# make android  build the Kotlin library and test it on the JVM (Java 17, Maven)
# make app      Android's benchmark activity behind a real adbd; after make android (needs root)
# make check    make test without the slow tests
# make coverage convert every layer and architecture, and put the table into the README
# make format   put the code into its form

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KOTLIN_DEMO := build/android/demo/demo.json

.PHONY: android app demo bench boards test check lint format clean

demo: $(INSTALLED)
	$(BIN)/littoral demo

bench: $(INSTALLED)
	$(BIN)/python tests/speed_run.py --readme --json build/speed.json
	$(BIN)/python tests/runtime_run.py --readme --json build/runtime.json

test: lint
	$(BIN)/python -m pytest -m "not alone" --numprocesses 2 --durations 30 --ignore tests/boards
	$(BIN)/python -m pytest -m alone --durations 15 --ignore tests/boards

boards: $(INSTALLED)
	$(BIN)/python tests/boards/prepare.py
	$(BIN)/python -m pytest --numprocesses 2 tests/boards

# The Kotlin runtime runs every file of the demo, beside the Python runtime's own answers. Android's
# own tool for manifests comes from Debian.
android: $(KOTLIN_DEMO)
	command -v aapt > /dev/null && test -e /usr/share/android-framework-res || \
	  { apt-get --quiet update && apt-get --quiet install --yes aapt android-framework-res; }
	$(BIN)/python tests/kotlin_vectors.py $(dir $(KOTLIN_DEMO)) build/android/golden
	mvn --batch-mode --no-transfer-progress --file android/pom.xml verify \
	  -Dlittoral.litert.library=$$($(BIN)/python -c "from importlib import resources; print(resources.files('ai_edge_litert') / 'libLiteRt.so')")
	$(BIN)/python -m pytest tests/kotlin_measured.py

# The activity's work is done by the AAR's classes on a JVM, behind a real adb and adbd.
app: $(INSTALLED)
	$(BIN)/python tests/boards/prepare.py
	$(BIN)/python -m pytest tests/boards/kotlin_app.py

$(KOTLIN_DEMO): $(INSTALLED)
	$(BIN)/littoral demo --fast --out $(@D)
	$(BIN)/littoral convert $(@D)/gru.keras --out $(@D)/streamed --streaming \
	  --schemes float32 static_int8 --representative-data $(@D)/data/gru.train.npz --no-recommend
	$(BIN)/littoral convert $(@D)/mlp.keras --out $(@D)/integers --formats tflite \
	  --schemes strict_int8 int16x8 --representative-data $(@D)/data/mlp.train.npz --no-recommend
	touch $@

check: lint
	$(BIN)/python -m pytest -m "not slow"

coverage: $(INSTALLED)
	$(BIN)/python tests/coverage_run.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(INSTALLED): pyproject.toml .ci/constraints.txt
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 11), 'littoral is developed on Python 3.11 or newer: make PYTHON=python3.11'"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) demo dist build
