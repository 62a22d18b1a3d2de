# Needs Python 3.11 or later, and nothing else: everything is installed into .venv.
PYTHON ?= python3
PORT ?= 8000
RUNS ?= 1000000
ROUNDS ?= 4
BIN := .venv/bin

.PHONY: demo test test-fast soak mutants fuzz bench check format pictures pins clean

demo: .venv/.ready  ## bake a project with the default answers into .demo, and serve it
	test -d .demo/my-fastapi-app || $(BIN)/cookiecutter --no-input --output-dir .demo .
	$(MAKE) -C .demo/my-fastapi-app run PYTHON="$(PYTHON)" PORT=$(PORT)

test: .venv/.ready check  ## everything: bakes, checks, types, tests and uses the projects
	$(BIN)/python -m pytest -n auto --dist worksteal

test-fast: .venv/.ready  ## what takes no longer than a minute
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"

soak: .venv/.ready  ## faults, races, load, many machines, abuse and operations at length, and write docs/reliability.md
	SOAK=1 REQUIRE_SERVICES=1 $(BIN)/python -m pytest tests/reliability

mutants: .venv/.ready  ## break what is generated on purpose, again and again: its tests notice; takes minutes
	$(BIN)/python -m tools.mutants

fuzz: .venv/.ready  ## send the reader of the cookie a million inputs made to fool it, for each form of ticket; takes minutes
	rm -rf .fuzz
	$(BIN)/cookiecutter --no-input --output-dir .fuzz . project_slug=database
	$(BIN)/cookiecutter --no-input --output-dir .fuzz . project_slug=signed-cookie session_backend=signed-cookie
	$(PYTHON) -m venv .fuzz/venv
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip install --quiet --python .fuzz/venv/bin/python -r .fuzz/database/requirements.txt "atheris>=3"
	cd .fuzz/database && PYTHONPATH=. ../venv/bin/python ../../fuzz/tickets.py $(RUNS)
	cd .fuzz/signed-cookie && PYTHONPATH=. ../venv/bin/python ../../fuzz/tickets.py $(RUNS)

bench: .venv/.ready  ## measure how fast the generated apps are beside others, and write it into benchmarks/ and the README
	$(BIN)/python -m benchmarks --rounds $(ROUNDS)

check: .venv/.ready  ## format, lint and types of the template's own tools and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

pictures: .venv/.ready  ## take the pictures of the pages that the README shows
	PICTURES=docs/pictures $(BIN)/python -m pytest -m pictures

PIN := $(BIN)/uv pip compile --quiet --upgrade --universal --no-header --no-annotate --python-version 3.11

pins: .venv/.ready  ## the newest versions, for the template and for what it generates
	$(PIN) pyproject.toml -o requirements.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/pin.py
	for peer in benchmarks/peers/*.in; do $(PIN) $$peer -o $${peer%.in}.txt || exit; done

clean:
	rm -rf .venv .bench .demo .fuzz .mypy_cache .pytest_cache .ruff_cache

# uv lives inside the environment, so that it need not be installed beforehand.
.venv/.ready: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	touch $@
