"""`/v1/models`: what can be asked for, and registration from files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from gpu_runner.app_state import AppState, Parts
from gpu_runner.engines.base import ModelRecord
from gpu_runner.errors import InvalidRequest, TooLarge
from gpu_runner.protocol import ArtifactInfo, ModelCard, ModelList, ModelManifest

router = APIRouter()

MAX_FILES = 16
_CHUNK = 1 << 20


@router.get("/v1/models")
async def list_models(parts: Parts) -> ModelList:
    """Every model, bundled ones first."""
    return ModelList(data=[_card(record, parts) for record in parts.registry.all()])


@router.get("/v1/models/{name}")
async def get_model(name: str, parts: Parts) -> ModelCard:
    """One model; 404 `unknown_model` where it has to be registered."""
    return _card(parts.registry.get(name), parts)


@router.put("/v1/models/{name}")
async def register_model(name: str, request: Request, parts: Parts) -> ModelCard:
    """Register a model: multipart with the field `manifest` (JSON) and one part `files` per artifact."""
    try:
        async with request.form(max_files=MAX_FILES, max_fields=1) as form:
            manifest = _manifest(form.get("manifest"))
            uploads = {part.filename: part for part in form.getlist("files") if isinstance(part, UploadFile)}
            with parts.registry.incoming() as directory:
                for artifact in manifest.artifacts:
                    await _receive(uploads.get(artifact.name), artifact, directory, parts.settings.max_artifact_mb)
                record = await asyncio.to_thread(parts.registry.register, name, manifest, directory)
    except MultiPartException as error:
        raise InvalidRequest(f"The form cannot be read: {error.message}") from error
    return _card(record, parts)


def _manifest(field: Any) -> ModelManifest:
    if not isinstance(field, str):
        raise InvalidRequest("The form needs the field manifest with the model's description.", field="manifest")
    try:
        return ModelManifest.model_validate_json(field)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidRequest("The manifest is not acceptable.", field="manifest", errors=problems) from error


async def _receive(upload: UploadFile | None, artifact: ArtifactInfo, directory: Path, max_mb: int) -> None:
    if upload is None:
        raise InvalidRequest(f"The file {artifact.name} is missing.", field="files")
    if artifact.size > max_mb << 20 or (upload.size or 0) > max_mb << 20:
        raise TooLarge(f"{artifact.name} is larger than {max_mb} MB.", file=artifact.name)
    with (directory / artifact.name).open("wb") as target:
        while chunk := await upload.read(_CHUNK):
            target.write(chunk)


def _card(record: ModelRecord, parts: AppState) -> ModelCard:
    return ModelCard(
        id=record.name,
        created=record.created,
        kind=record.kind,
        engine=record.engine.value,
        base=record.base,
        classes=list(record.classes),
        loaded=parts.pool.loaded(record.name),
    )
