"""`/v1/jobs`: training jobs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from gpu_runner.app_state import Parts
from gpu_runner.protocol import JobEvents, JobList, JobRequest, JobStatus

router = APIRouter()


@router.post("/v1/jobs", status_code=202)
async def submit_job(body: JobRequest, parts: Parts) -> JobStatus:
    """Queue a job, or find it again by its id."""
    return await parts.jobs.submit(body)


@router.get("/v1/jobs")
async def list_jobs(parts: Parts) -> JobList:
    """Every job that this runner keeps, newest first."""
    return JobList(jobs=parts.jobs.all())


@router.get("/v1/jobs/{job_id}")
async def get_job(job_id: UUID, parts: Parts) -> JobStatus:
    """State, result and artifacts."""
    return parts.jobs.status(job_id)


@router.get("/v1/jobs/{job_id}/events")
async def get_events(job_id: UUID, parts: Parts, since: int = 0) -> JobEvents:
    """Progress lines from number `since` on."""
    return parts.jobs.events(job_id, max(since, 0))


@router.post("/v1/jobs/{job_id}/cancel")
async def cancel_job(job_id: UUID, parts: Parts) -> JobStatus:
    """Stop a job; its child process is ended at once. Final states stay as they are."""
    return await parts.jobs.cancel(job_id)


@router.get("/v1/jobs/{job_id}/artifacts/{name}")
async def download_artifact(job_id: UUID, name: str, parts: Parts) -> FileResponse:
    """One file of a succeeded job."""
    return FileResponse(parts.jobs.artifact(job_id, name), media_type="application/octet-stream", filename=name)


@router.delete("/v1/jobs/{job_id}", status_code=204)
async def delete_job(job_id: UUID, parts: Parts) -> Response:
    """Forget a finished job and its files."""
    await parts.jobs.forget(job_id)
    return Response(status_code=204)
