# Needs Python 3.11 or later, and nothing else: everything is installed into .venv.
PYTHON ?= python3
PORT ?= 8000
RUNS ?= 1000000
ROUNDS ?= 4
# What make test runs: all of it, or what is named here.
TESTS ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: new demo test test-fast soak mutants fuzz bench check format pictures site pins examples publish release clean

new: .venv/.ready  ## ask the questions, and generate a project beside this clone
	$(BIN)/cookiecutter --output-dir .. .

demo: .venv/.ready  ## generate a project with the default answers in .demo, and serve it
	test -d .demo/my-fastapi-app || $(BIN)/cookiecutter --no-input --output-dir .demo .
	$(MAKE) -C .demo/my-fastapi-app run PYTHON="$(PYTHON)" PORT=$(PORT)

test: .venv/.ready check  ## everything: bakes, checks, tests and uses the projects; lists the slowest tests; TESTS=tests/browsers for a part
	$(PYTEST) --durations=20 $(TESTS)

test-fast: .venv/.ready  ## what needs no environment or server, in less than a minute
	$(PYTEST) -m "not slow"

soak: .venv/.ready  ## reliability, and other sites' attacks, at length; updates docs/reliability.md
	SOAK=1 REQUIRE_SERVICES=1 $(BIN)/python -m pytest -o faulthandler_timeout=14400 tests/reliability tests/browsers/test_other_sites.py

mutants: .venv/.ready  ## break what is generated, one fault at a time, and see its tests catch each; takes minutes
	$(BIN)/python -m tools.mutants

fuzz: .venv/.ready  ## fuzz the cookie parser with a million inputs, for each form of token; takes minutes
	rm -rf .fuzz
	$(BIN)/cookiecutter --no-input --output-dir .fuzz . project_slug=database
	$(BIN)/cookiecutter --no-input --output-dir .fuzz . project_slug=signed-cookie session_backend=signed-cookie
	$(PYTHON) -m venv .fuzz/venv
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip install --quiet --python .fuzz/venv/bin/python -r .fuzz/database/requirements.txt "atheris>=3"
	cd .fuzz/database && PYTHONPATH=. ../venv/bin/python ../../fuzz/tokens.py $(RUNS)
	cd .fuzz/signed-cookie && PYTHONPATH=. ../venv/bin/python ../../fuzz/tokens.py $(RUNS)

bench: .venv/.ready  ## compare the speed of the generated apps with others, and update benchmarks/ and README.md
	$(BIN)/python -m benchmarks --rounds $(ROUNDS)

check: .venv/.ready  ## check format, lint and types of the template's own tools and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.ready  ## format them, and fix what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pictures: .venv/.ready  ## take the pictures and the recordings that README.md shows
	PICTURES=docs/pictures $(BIN)/python -m pytest -m pictures
	$(BIN)/python -m tools.record docs/pictures

site: .venv/.ready  ## build the documents as a site, in site/
	$(BIN)/python -m tools.site

PIN := $(BIN)/uv pip compile --quiet --upgrade --universal --no-header --no-annotate --python-version 3.11

pins: .venv/.ready  ## pin the newest dependencies, of the template and of what it generates
	$(PIN) pyproject.toml -o requirements.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/pin.py
	for peer in benchmarks/peers/*.in; do $(PIN) $$peer -o $${peer%.in}.txt || exit; done

examples: .venv/.ready  ## render a handful of projects into the branch examples, for people to browse
	$(BIN)/python -m tools.examples

publish: .venv/.ready  ## say where the template is published: ORG=name, an account on GitHub
	$(BIN)/python -m tools.publish "$(ORG)"

release: .venv/.ready  ## check, write and tag a version: VERSION=1.2.0; pushes nothing
	$(BIN)/python -m tools.release "$(VERSION)"

clean:  ## remove everything that these have made
	rm -rf .venv .bench .demo .fuzz .mypy_cache .pytest_cache .ruff_cache site

# uv lives inside the environment, so that it need not be installed beforehand.
.venv/.ready: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	@echo "Installing the tools into .venv: once, within a minute or so."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	touch $@
