# Every target works on a fresh machine with Python 3.11+: the environment is made on demand.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test coverage soak away lint bench schemas lock format mutation
demo: $(BIN)/.ready ; $(BIN)/rollcall demo $(if $(KEEP),--keep)
test: $(BIN)/.ready ; $(BIN)/pytest -n 2 --dist loadgroup $(ARGS)
coverage: $(BIN)/.ready ; $(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=term $(or $(ARGS),tests/unit)
soak: $(BIN)/.ready ; SOAK_ROUNDS=3 SOAK_SEED=$(SEED) SOAK_SEEDS=$(or $(SEEDS),200) SOAK_FIRST=$(or $(FIRST),1) $(BIN)/pytest -n 0 tests/soak/test_schedules.py $(ARGS) && AGREEMENT_EXAMPLES=$(or $(AGREEMENT),2000) $(BIN)/pytest -n 0 --hypothesis-profile=explore tests/property/test_agreement.py
away: $(BIN)/.ready ; SOAK_AWAY=full $(BIN)/pytest -n 0 -s tests/soak/test_away.py $(ARGS)
lint: $(BIN)/.ready ; $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
bench: $(BIN)/.ready ; $(BIN)/python -m benchmarks
schemas: $(BIN)/.ready ; $(BIN)/python -m tools.schemas --write $(ARGS)
mutation: $(BIN)/.ready ; $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r mutation-requirements.lock && nice -n 19 $(BIN)/mutmut run
format: $(BIN)/.ready ; $(BIN)/ruff format . && $(BIN)/ruff check --fix .
lock: ; uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate -o requirements.lock pyproject.toml build-requirements.in && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o mutation-requirements.lock mutation-requirements.in

$(BIN)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "installing the locked packages into .venv (once; about a minute)"
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
