"""The platform's surroundings, run from Python packages: PostgreSQL, Valkey, an EVM chain, payments.

`python -m sahara_platform.embedded run` starts all of them under one supervisor, each only where its URL is not in the
environment. Tests start single parts: `postgres.start(path)`, `valkey.start()`, `stripe.start(path)`.
Nothing here imports Django or the apps; the supervisor hands everything over as environment variables.
"""
