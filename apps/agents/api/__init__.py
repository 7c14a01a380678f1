"""HTTP API of agents: our own under `/api/v1/`, OpenAI's under `/v1/`."""
