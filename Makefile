# Every target sets up what it needs. PYTHON: the interpreter to build .venv with. 3.12 and 3.13 work too, but there pip takes
# the torch that has CUDA in it: 8 GB instead of 5, most of the set-up's time.
PYTHON ?= python3.11
BIN := .venv/bin
KOTLIN := .toolchain/kotlin
ANDROID := .toolchain/android
OUT := build/demo
# tests that need a whole platform run in the workers that come free; 2 is what CI has
WORKERS ?= 2

.PHONY: setup demo android-tools test test-fast test-other lint fuzz bench figures peers browser clean

setup: .venv/.done $(KOTLIN)/.done

.venv/.done: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,tf,video,dask,test]'
	@# decoders are held against it; what it asks for beside numpy is there under other names, which the check does not know
	$(BIN)/pip uninstall --quiet --quiet --yes rtmlib
	$(BIN)/pip check
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps rtmlib==0.0.16
	touch $@

# The wheel holds a whole Kotlin compiler; its Python dependencies (Jupyter) are not wanted.
$(KOTLIN)/.done:
	test -x $(BIN)/pip || $(MAKE) .venv/.done
	rm -rf $(KOTLIN)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $(KOTLIN) kotlin-jupyter-kernel==0.19.0.944
	touch $@

demo: .venv/.done
	rm -rf $(OUT)/sample
	$(BIN)/posekit sample $(OUT)/sample
	$(BIN)/posekit package $(OUT)/sample/tinypose.pt2 --platform all --out $(OUT) --overwrite \
	  --images $(OUT)/sample/images --annotations $(OUT)/sample/annotations.json

# Reports are looked at in a real browser: root on Debian is given one, anybody else has one or skips that test.
browser:
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || \
	  echo "no browser: chromium could not be installed"

# What Android apps are checked with (tests/android/README.md): 96 MB once, of which 25 stay.
android-tools: $(ANDROID)/.done

$(ANDROID)/.done: tests/android/requirements.txt
	test -f $(KOTLIN)/.done || $(MAKE) setup
	$(BIN)/python -m tests.android.tools

test: setup browser android-tools
	$(BIN)/python -m pytest --numprocesses $(WORKERS) -r s

# What converts nothing: under two minutes.
FAST := tests/poses tests/decoders tests/contract tests/parity/test_metrics.py tests/parity/test_gate.py tests/parity/test_budget.py \
  tests/parity/test_accuracy.py tests/sources/test_recognise.py tests/test_documents.py tests/test_errors.py tests/test_layering.py
test-fast: setup
	$(BIN)/python -m pytest --numprocesses $(WORKERS) -m "not slow" $(FAST)

# The same on a newer Python than .venv's, where one runs; without the converters, so in a minute or two.
PYENV := $(shell pyenv root 2>/dev/null)/versions
OTHERS := python3.13 python3.12 $(wildcard $(PYENV)/3.13.*/bin/python) $(wildcard $(PYENV)/3.12.*/bin/python)
OTHER ?= $(firstword $(foreach one,$(OTHERS),$(shell $(one) -c 'print("$(one)")' 2>/dev/null)))
test-other:
	@test -n "$(OTHER)" || echo "SKIPPED: no Python 3.13 or 3.12 runs here"
	test -z "$(OTHER)" || test -x .venv-other/bin/python || $(OTHER) -m venv .venv-other
	test -z "$(OTHER)" || .venv-other/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	test -z "$(OTHER)" || .venv-other/bin/python -m pytest --numprocesses $(WORKERS) -m "not slow" $(FAST)

lint: setup
	$(BIN)/ruff check posekit tests benchmarks sample
	$(BIN)/ruff format --check posekit tests benchmarks sample
	$(BIN)/mypy
	if command -v swift >/dev/null; then swift format lint --strict --recursive templates/ios ios_demo tests/swift templates/desktop/swift \
	  benchmarks/wrapper/swift; \
	  else echo "SKIPPED swift format: no Swift toolchain"; fi
	@echo "SKIPPED ktlint: not on the package registries this project installs from"

# Coverage-guided fuzzing of what reads files from outside, SECONDS=600 by default; then FAULTS=1000 planted in bundles.
SECONDS ?= 600
FAULTS ?= 1000
fuzz: setup
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps atheris==3.0.0
	$(BIN)/python -m tests.fuzz.readers -max_total_time=$(SECONDS) -max_len=4096 -rss_limit_mb=4096
	$(BIN)/python -m tests.faults $(FAULTS)

bench: setup
	$(BIN)/python benchmarks/package.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/validate.py
	$(BIN)/python benchmarks/evaluator.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python -m benchmarks.wrapper

# Every precision of both samples, measured and written into docs/figures.md.
figures: setup
	$(BIN)/python -m benchmarks.figures

# posekit's files beside those of other tools, which get an environment of their own: docs/performance.md. ONLY: networks; FULL=1
peers: setup
	$(BIN)/python -m benchmarks.peers $(if $(ONLY),--only $(ONLY)) $(if $(FULL),--full)

clean:
	rm -rf build .venv .venv-other .toolchain
