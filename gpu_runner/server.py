"""The HTTP service: routes, one shape of errors, start-up and shutdown."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gpu_runner.app_state import AppState, Parts, authorised
from gpu_runner.body_limit import BodyLimit
from gpu_runner.config import RunnerSettings
from gpu_runner.errors import InvalidRequest, RunnerError
from gpu_runner.jobs.supervisor import JobSupervisor
from gpu_runner.protocol import ErrorBody, ErrorCode, ErrorInfo, Health
from gpu_runner.registry import ModelRegistry
from gpu_runner.routes import chat, inference, jobs, models
from gpu_runner.serving import EnginePool, Serving

logger = logging.getLogger(__name__)


def create_app(settings: RunnerSettings) -> FastAPI:
    """The application of one runner process."""
    registry = ModelRegistry(settings.models_dir, settings.data_dir)
    parts = AppState(
        settings=settings,
        registry=registry,
        pool=EnginePool(registry, settings),
        serving=Serving(settings),
        jobs=JobSupervisor(settings),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if settings.preload:
            threading.Thread(target=parts.pool.preload, name="preload", daemon=True).start()
        await parts.jobs.start()
        try:
            yield
        finally:
            await parts.jobs.stop()
            parts.serving.close()

    app = FastAPI(title="Model runner", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.parts = parts
    app.add_middleware(
        BodyLimit, json_bytes=settings.max_body_mb << 20, form_bytes=2 * (settings.max_artifact_mb << 20)
    )
    for module in (chat, inference, models, jobs):
        app.include_router(module.router, dependencies=[Depends(authorised)])
    _add_health(app)
    _add_error_handlers(app)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz(parts: Parts, response: Response) -> Health:
        health = await asyncio.to_thread(parts.pool.health, preloading=parts.settings.preload)
        response.status_code = 200 if health.ready else 503
        return health


def _add_error_handlers(app: FastAPI) -> None:
    def answer(status: int, body: ErrorBody) -> JSONResponse:
        return JSONResponse(body.model_dump(mode="json"), status_code=status)

    @app.exception_handler(RunnerError)
    async def runner_error(_request: Request, error: RunnerError) -> JSONResponse:
        return answer(error.status, error.body())

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            {"field": ".".join(str(part) for part in problem["loc"][1:]), "message": problem["msg"]}
            for problem in error.errors()
        ]
        first = problems[0] if problems else {"field": "", "message": "unreadable"}
        typed = InvalidRequest(f"{first['field'] or 'body'}: {first['message']}", errors=problems[:50])
        return answer(typed.status, typed.body())

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, RunnerError):  # FastAPI wraps what is raised while a body is read
            return answer(error.__cause__.status, error.__cause__.body())
        info = ErrorInfo(code=ErrorCode.INVALID_REQUEST, message=str(error.detail), type="invalid_request_error")
        return answer(error.status_code, ErrorBody(error=info))

    @app.exception_handler(Exception)
    async def last_resort(request: Request, error: Exception) -> JSONResponse:
        """One bad request shows no traceback to the caller and leaves the process as it was."""
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        info = ErrorInfo(code=ErrorCode.INTERNAL, message="The model server failed on this request.")
        return answer(500, ErrorBody(error=info))
