"""Training from a dataset version to a registered model, through services, API and pages, on the real runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.assets import selectors as assets
from apps.assets import services as assets_services
from apps.assets.errors import DevelopRightMissing
from apps.assets.types import AccessRight, AssetKind, ChainState
from apps.compute import runner as runner_client
from apps.compute import services as compute
from apps.compute.errors import RunnerUnavailable
from apps.compute.models import Job, JobProgress
from apps.compute.services import polling
from apps.core import outbox
from apps.core.errors import InvalidInput, NotFound, NotPermitted
from apps.core.storage import get_storage
from apps.core.tenant import tenant_scope
from apps.datasets import services as datasets
from apps.tenancy.types import Role
from apps.training import selectors, services
from apps.training.errors import ModelUseRightMissing, RunFinished, UntrainableDataset
from apps.training.models import TrainingRun
from apps.training.types import RunInfo, RunState
from gpu_runner.protocol import JobStatus
from tests.gpu_runner import data
from tests.gpu_runner.runner_fixtures import RunnerProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_dataset() -> Callable[..., UUID]:
    """`make_dataset(actor, rows=None)`: id of a released dataset version."""

    def make(actor: Any, rows: list[dict[str, str]] | None = None) -> UUID:
        with tenant_scope(actor.organisation_id):
            dataset = datasets.create_dataset(actor=actor, name=f"Messages {uuid4().hex[:6]}")
            schema = {"text": "the message", "label": "its class", "split": "train or test"}
            version = datasets.release_dataset_version(
                actor=actor,
                dataset_id=dataset.id,
                rows=data.rows() if rows is None else rows,
                schema=schema,
                card={},
            )
        return version.id

    return make


def finish(actor: Any, run_id: UUID, timeout_s: float = 120) -> RunInfo:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        outbox.drain()
        compute.poll_jobs()
        outbox.drain()
        run = selectors.training_run(actor, run_id)
        if run.state.final:
            return run
        time.sleep(0.2)
    raise AssertionError(f"{run.state} {run.job.phase}")


@pytest.fixture(scope="session")
def finished_job(runner: RunnerProcess) -> tuple[JobStatus, dict[str, bytes]]:
    """One real training on the rows of `data`, whose outcome most tests use again: what it said and its files."""
    with runner.client() as http:
        body = data.job("train_head")
        http.post("/v1/jobs", json=body).raise_for_status()
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline:
            status = JobStatus.model_validate_json(http.get(f"/v1/jobs/{body['job_id']}").content)
            if status.state.final:
                break
            time.sleep(0.2)
        names = [artifact.name for artifact in status.artifacts]
        return status, {name: http.get(f"/v1/jobs/{body['job_id']}/artifacts/{name}").content for name in names}


@pytest.fixture
def replay(
    finished_job: tuple[JobStatus, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Any, UUID], RunInfo]:
    """`replay(actor, run_id)`: the run's job ends as the real one did, without training again."""
    status, files = finished_job

    @contextmanager
    def artifact_chunks(_job_id: UUID, artifact: Any) -> Iterator[Iterator[bytes]]:
        yield iter([files[artifact.name]])

    def finish_now(actor: Any, run_id: UUID) -> RunInfo:
        job_id = selectors.training_run(actor, run_id).job.id
        with monkeypatch.context() as patch:
            patch.setattr(runner_client, "artifact_chunks", artifact_chunks)
            polling._apply(job_id, status.model_copy(update={"job_id": job_id}))
        outbox.drain()
        return selectors.training_run(actor, run_id)

    return finish_now


@pytest.fixture
def trained(actor: Any, make_dataset: Callable[..., UUID], replay: Callable[[Any, UUID], RunInfo]) -> RunInfo:
    """A finished run of the actor's."""
    run = services.start_run(actor=actor, dataset_version_id=make_dataset(actor), method="head", name="Sorter")
    return replay(actor, run.id)


def test_a_run_ends_in_a_registered_model_with_its_parent(
    actor: Any, runner: RunnerProcess, make_dataset: Callable[..., UUID]
) -> None:
    started = services.start_run(actor=actor, dataset_version_id=make_dataset(actor), method="head", name="Sorter")
    trained = finish(actor, started.id)
    assert trained.job.events
    assert trained.state is RunState.SUCCEEDED, trained.error_message
    assert trained.result is not None
    assert trained.result.accuracy_after > trained.result.accuracy_before
    assert trained.model_version_id is not None
    model = selectors.model_version(trained.model_version_id)
    assert model.classes == ("billing", "greeting")
    assert model.metrics["accuracy_after"] == trained.result.accuracy_after
    lineage = assets.lineage(model.id)
    assert [(edge.parent_id, edge.weight_bps) for edge in lineage.edges] == [(trained.dataset_version_id, 6000)]
    version = assets.version(model.id)
    assert version.kind is AssetKind.MODEL
    assert version.proof.state is ChainState.PENDING
    assert version.content_root == selectors.stored_content_root(model.id)
    assert version.metadata["card"]["trained_on"]["version"] == 1
    assert [
        one.label for one in services.classify_texts(actor=actor, model_version_id=model.id, texts=["pay the bill"])
    ]


def test_a_changed_file_is_noticed(actor: Any, trained: RunInfo) -> None:
    assert trained.model_version_id is not None
    model = selectors.model_version(trained.model_version_id)
    get_storage().put(model.artifacts[0].key, b"tampered")
    assert selectors.stored_content_root(model.id) != assets.version(model.id).content_root


def test_finishing_twice_registers_once(actor: Any, trained: RunInfo) -> None:
    services.complete_run(run_id=trained.id)
    services.end_run(run_id=trained.id, state=RunState.FAILED, code="x", message="x")
    assert selectors.training_run(actor, trained.id).state is RunState.SUCCEEDED
    assert selectors.own_models(actor).count() == 1


def test_a_model_gets_a_second_version(actor: Any, trained: RunInfo, replay: Callable[[Any, UUID], RunInfo]) -> None:
    assert trained.model_version_id is not None
    first = selectors.model_version(trained.model_version_id)
    version_id = trained.dataset_version_id
    started = services.start_run(
        actor=actor, dataset_version_id=version_id, method="head", name="", model_id=first.asset_id, seed=1
    )
    second = replay(actor, started.id)
    assert second.model_version_id is not None
    model = selectors.model_version(second.model_version_id)
    assert (model.asset_id, model.number, model.name) == (first.asset_id, 2, "Sorter")
    with pytest.raises(NotFound):
        services.start_run(
            actor=actor, dataset_version_id=version_id, method="head", name="", model_id=trained.dataset_id
        )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": f"t{n}", "label": "only", "split": "train"} for n in range(5)], "two classes"),
        ([{"text": "a", "label": "x", "split": "train"}, {"text": "b", "label": "y", "split": "train"}], "held out"),
        ([{"text": " ", "label": "x", "split": "train"}, {"text": "b", "label": " ", "split": "test"}], "no rows"),
    ],
)
def test_untrainable_data_is_refused_before_anything_is_saved(
    actor: Any, runner: RunnerProcess, make_dataset: Callable[..., UUID], rows: Any, message: str
) -> None:
    version_id = make_dataset(actor, rows)
    with pytest.raises(UntrainableDataset, match=message) as caught:
        services.start_run(actor=actor, dataset_version_id=version_id, method="head", name="Sorter")
    assert caught.value.errors[0]["field"] == "dataset_version_id"
    assert not TrainingRun.objects.exists()
    assert not Job.objects.exists()


def test_a_runner_that_is_down_refuses_the_start(actor: Any, settings: Any, make_dataset: Callable[..., UUID]) -> None:
    settings.RUNNER = {"url": "http://127.0.0.1:9", "token": "nobody-is-here-at-all"}
    version_id = make_dataset(actor)
    with pytest.raises(RunnerUnavailable):
        services.start_run(actor=actor, dataset_version_id=version_id, method="head", name="Sorter")
    assert not TrainingRun.objects.exists()


def test_bad_input_names_the_field(actor: Any, make_dataset: Callable[..., UUID]) -> None:
    version_id = make_dataset(actor)
    for arguments, field in (
        ({"method": "magic", "name": "x"}, "method"),
        ({"method": "head", "name": " "}, "name"),
        ({"method": "head", "name": "x", "seed": -1}, "seed"),
    ):
        with pytest.raises(InvalidInput) as caught:
            services.start_run(actor=actor, dataset_version_id=version_id, **arguments)
        assert caught.value.errors[0]["field"] == field
    with pytest.raises(NotFound):
        services.start_run(actor=actor, dataset_version_id=uuid4(), method="head", name="x")


def test_only_members_start_runs(make_actor: Any, actor: Any, make_dataset: Callable[..., UUID]) -> None:
    viewer = make_actor(role=Role.VIEWER, organisation_id=actor.organisation_id)
    with pytest.raises(NotPermitted):
        services.start_run(actor=viewer, dataset_version_id=make_dataset(actor), method="head", name="x")


def test_the_dataset_of_another_organisation_needs_its_development_right(
    actor: Any, other_actor: Any, make_dataset: Callable[..., UUID], replay: Callable[[Any, UUID], RunInfo]
) -> None:
    version_id = make_dataset(other_actor)
    asset_id = assets.version(version_id).asset_id
    arguments: dict[str, Any] = {"dataset_version_id": version_id, "method": "head", "name": "Sorter"}
    with pytest.raises(NotFound):
        services.start_run(actor=actor, **arguments)
    with tenant_scope(other_actor.organisation_id):
        grant = {"actor": other_actor, "asset_id": asset_id, "grantee_id": actor.organisation_id}
        assets_services.grant_access(**grant, right=AccessRight.USE, source_type="test", source_id="1")
    with pytest.raises(DevelopRightMissing):
        services.start_run(actor=actor, **arguments)
    with tenant_scope(other_actor.organisation_id):
        assets_services.grant_access(
            **grant, right=AccessRight.DEVELOP, source_type="test", source_id="2", royalty_bps=7000
        )
    run = replay(actor, services.start_run(actor=actor, **arguments).id)
    assert run.state is RunState.SUCCEEDED, run.error_message
    assert run.model_version_id is not None
    assert [edge.weight_bps for edge in assets.lineage(run.model_version_id).edges] == [7000]


def test_a_model_of_another_organisation_needs_a_licence_to_use(actor: Any, other_actor: Any, trained: RunInfo) -> None:
    assert trained.model_version_id is not None
    model_id = trained.model_version_id
    asset_id = selectors.model_version(model_id).asset_id
    with tenant_scope(other_actor.organisation_id):
        with pytest.raises(NotFound):
            services.classify_texts(actor=other_actor, model_version_id=model_id, texts=["a"])
        with pytest.raises(NotFound):
            selectors.training_run(other_actor, trained.id)
    assets_services.set_visibility(actor=actor, asset_id=asset_id, visibility="public")
    with tenant_scope(other_actor.organisation_id), pytest.raises(ModelUseRightMissing):
        services.classify_texts(actor=other_actor, model_version_id=model_id, texts=["a"])
    assets_services.grant_access(
        actor=actor,
        asset_id=asset_id,
        grantee_id=other_actor.organisation_id,
        right=AccessRight.USE,
        source_type="test",
        source_id="3",
    )
    with tenant_scope(other_actor.organisation_id):
        assert services.classify_texts(actor=other_actor, model_version_id=model_id, texts=["pay the bill"])
        assert [model.id for model in selectors.usable_models(other_actor)] == [model_id]


def test_a_run_is_cancelled(actor: Any, runner: RunnerProcess, make_dataset: Callable[..., UUID]) -> None:
    run = services.start_run(actor=actor, dataset_version_id=make_dataset(actor), method="lora", name="Slow")
    services.cancel_run(actor=actor, run_id=run.id)
    ended = finish(actor, run.id)
    assert ended.state is RunState.CANCELLED
    services.cancel_run(actor=actor, run_id=run.id)
    assert not selectors.own_models(actor).exists()


def test_a_finished_run_cannot_be_cancelled(actor: Any, trained: RunInfo) -> None:
    with pytest.raises(RunFinished):
        services.cancel_run(actor=actor, run_id=trained.id)


def test_the_api_starts_follows_and_uses(
    actor: Any, api_for: Any, make_dataset: Callable[..., UUID], replay: Callable[[Any, UUID], RunInfo]
) -> None:
    api = api_for(actor)
    body = {"dataset_version_id": str(make_dataset(actor)), "method": "head", "name": "By API"}
    started = api.post("/api/v1/training-runs/", body, format="json")
    assert started.status_code == 201, started.content
    run_id = started.json()["id"]
    replay(actor, UUID(run_id))
    found = api.get(f"/api/v1/training-runs/{run_id}/").json()
    assert found["state"] == "succeeded"
    assert found["percent"] == 100
    assert found["result"]["accuracy_after"] > 0.5
    model_id = found["model_version_id"]
    assert [one["id"] for one in api.get("/api/v1/training-runs/").json()["results"]] == [run_id]
    assert [one["id"] for one in api.get("/api/v1/models/").json()["results"]] == [model_id]
    assert api.get(f"/api/v1/models/{model_id}/").json()["card"]["classes"] == ["billing", "greeting"]
    answer = api.post(f"/api/v1/models/{model_id}/classify/", {"texts": ["Hello you"]}, format="json")
    assert answer.json()["results"][0]["label"] == "greeting"
    assert api.post(f"/api/v1/models/{model_id}/classify/", {"texts": []}, format="json").status_code in {400, 422}
    assert api.post(f"/api/v1/training-runs/{run_id}/cancel/").status_code == 409


def store_curve(job_id: UUID) -> None:
    """Progress lines as the runner sends them."""
    job = Job.objects.get(id=job_id)
    for n in range(5):
        line = {"n": n, "at": 1.0, "attempt": 1, "phase": "training", "fraction": n / 5, "step": n + 1}
        line |= {"total_steps": 5, "loss": 1 / (n + 1), "eval_accuracy": n / 5}
        JobProgress.objects.create(tenant_id=job.tenant_id, job=job, submission=0, n=n, event=line)


def test_the_pages_of_a_run_and_its_model(
    actor: Any, client_for: Any, make_dataset: Callable[..., UUID], replay: Callable[[Any, UUID], RunInfo]
) -> None:
    client = client_for(actor)
    assert "No training yet" in client.get("/training/").content.decode()
    assert "No labelled dataset yet" in client.get("/training/new/").content.decode()
    version_id = make_dataset(actor)
    form = client.get("/training/new/").content.decode()
    assert str(version_id) in form
    refused = client.post("/training/new/", {"dataset_version": str(version_id), "method": "head", "name": ""})
    assert refused.status_code == 422
    started = client.post("/training/new/", {"dataset_version": str(version_id), "method": "head", "name": "Paged"})
    assert started.status_code == 302, started.content.decode()
    page = client.get(started.url).content.decode()
    assert "Stop" in page
    row = TrainingRun.objects.get(name="Paged")
    store_curve(row.job_id)
    run = replay(actor, row.id)
    page = client.get(started.url).content.decode()
    assert "<polyline" in page
    assert "data-live-done" in client.get(f"{started.url}live/").content.decode()
    assert "The same as a table" in page
    model_url = f"/models/{run.model_version_id}/"
    assert "Model card" in client.get(model_url).content.decode()
    tried = client.post(f"{model_url}try/", {"text": "Good morning my friend"})
    assert "<strong>greeting</strong>" in tried.content.decode()
    assert client.post(f"{model_url}try/", {"text": " "}).status_code == 422
    assert "Paged" in client.get("/training/").content.decode()


def test_pages_and_api_of_others_answer_404(trained: RunInfo, other_actor: Any, client_for: Any, api_for: Any) -> None:
    client, api = client_for(other_actor), api_for(other_actor)
    for url in (f"/training/{trained.id}/", f"/training/{trained.id}/live/", f"/models/{trained.model_version_id}/"):
        assert client.get(url).status_code == 404, url
    assert client.post(f"/training/{trained.id}/cancel/").status_code == 404
    for url in (f"/api/v1/training-runs/{trained.id}/", f"/api/v1/models/{trained.model_version_id}/"):
        assert api.get(url).status_code == 404, url
    assert api.get("/api/v1/training-runs/").json()["results"] == []
