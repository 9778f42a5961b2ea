# Every target works on a fresh machine with Python 3.11+: the environment is made on demand.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench schemas lock format mutation
demo: $(BIN)/.ready ; $(BIN)/rollcall demo $(if $(KEEP),--keep)
test: $(BIN)/.ready ; $(BIN)/pytest -n 2 --dist loadgroup $(ARGS)
lint: $(BIN)/.ready ; $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
bench: $(BIN)/.ready ; $(BIN)/python -m benchmarks
schemas: $(BIN)/.ready ; $(BIN)/rollcall schemas --write
mutation: $(BIN)/.ready ; $(BIN)/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1 && nice -n 19 $(BIN)/mutmut run
format: $(BIN)/.ready ; $(BIN)/ruff format . && $(BIN)/ruff check --fix .
lock: ; uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate -o requirements.lock pyproject.toml build-requirements.in

$(BIN)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "installing the locked packages into .venv (once; about a minute)"
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
