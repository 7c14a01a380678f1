"""A version made of another one: filtered, sampled, split anew. Its card says of which and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from apps.assets import selectors as assets
from apps.assets.types import ContributionSpec, ParentRef
from apps.core.errors import FieldProblem, InvalidInput
from apps.datasets import selectors
from apps.datasets.errors import DatasetNotFound
from apps.datasets.filters import Selection, conditions_from_json
from apps.datasets.policies import require
from apps.datasets.rows import SPLIT_SEED, TEST_PERCENT, SplitPlan
from apps.datasets.services.releases import release_dataset_version
from apps.datasets.types import DatasetsPermission, DatasetVersionInfo, Row
from apps.tenancy.types import Actor

_MAX_SEED = 2**31


def derive_dataset_version(
    *,
    actor: Actor,
    dataset_id: UUID,
    number: int,
    filters: Sequence[Mapping[str, Any]] = (),
    sample: int = 0,
    seed: int = 0,
    split: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> DatasetVersionInfo:
    """Release the next version of a dataset from rows of an earlier one.

    Who contributed to the earlier version contributed to this one, with the same weights.

    Args:
        filters: [{column, operator, value}], all of which a row must meet.
        sample: rows to draw of those, seeded; 0 for all.
        split: {seed, test_percent, validation_percent, group_by} to split anew; None keeps the split.

    Raises:
        InvalidInput: a condition or the split cannot be used, or no row is left.
    """
    require(actor, DatasetsPermission.RELEASE)
    source = selectors.visible_version(actor, dataset_id, number)
    if source.owner_id != actor.organisation_id:
        raise DatasetNotFound
    plan = split_plan(split, source.schema) if split is not None else None
    chosen = Selection(conditions_from_json(filters, source.schema), sample, seed)
    _check_numbers(sample, seed)
    passing = sum(1 for _ in chosen.apply(selectors.iter_rows(source.id)))
    if not passing:
        raise InvalidInput("no_rows_left", "No row meets all conditions.")
    derived: dict[str, Any] = {"version": source.number, "content_root": source.content_root} | chosen.as_json()
    if plan is not None:
        derived["split"] = plan.as_json()
    kept = {key: value for key, value in source.card.items() if key != "statistics"}
    return release_dataset_version(
        actor=actor,
        dataset_id=dataset_id,
        rows=_rows(source, chosen, passing),
        schema=source.schema,
        card=kept | {"derived_from": derived},
        design=source.design,
        split=plan,
        contributions=contributions_of(source),
        parents=parents_of(actor, source),
        idempotency_key=idempotency_key,
    )


def _rows(source: DatasetVersionInfo, chosen: Selection, passing: int) -> Iterator[Row]:
    places = chosen.chosen(passing)
    for place, row in enumerate(chosen.apply(selectors.iter_rows(source.id))):
        if places is None or place in places:
            yield row


def contributions_of(version: DatasetVersionInfo) -> list[ContributionSpec]:
    """Who made a version, as its successor needs it."""
    return [ContributionSpec(one.organisation_id, one.role, one.weight) for one in assets.contributors(version.id)]


def parents_of(actor: Actor, version: DatasetVersionInfo) -> list[ParentRef]:
    """What a version was built on, as far as its successor may still be."""
    return assets.allowed_parents(actor.organisation_id, assets.parents_of(version.id))


def split_plan(raw: Mapping[str, Any], columns: Mapping[str, str]) -> SplitPlan:
    """A checked split. Raises InvalidInput naming the field."""
    problems: list[FieldProblem] = []
    numbers: dict[str, int] = {}
    for name, most, default in (
        ("seed", _MAX_SEED, SPLIT_SEED),
        ("test_percent", 99, TEST_PERCENT),
        ("validation_percent", 99, 0),
    ):
        value = raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            problems.append({"field": f"split.{name}", "message": f"`{name}` is a whole number from 0 to {most:,}."})
            value = default
        numbers[name] = value
    if numbers["test_percent"] + numbers["validation_percent"] > 99:
        problems.append({"field": "split", "message": "Leave at least 1 percent for training."})
    group_by = str(raw.get("group_by") or "")
    if group_by and group_by not in columns:
        problems.append({"field": "split.group_by", "message": f"There is no column “{group_by[:80]}”."})
    if problems:
        raise InvalidInput("invalid_split", problems[0]["message"], errors=problems)
    return SplitPlan(numbers["seed"], numbers["test_percent"], numbers["validation_percent"], group_by)


def _check_numbers(sample: int, seed: int) -> None:
    if not 0 <= sample <= _MAX_SEED or not 0 <= seed <= _MAX_SEED:
        raise InvalidInput("invalid_sample", "`sample` and `seed` are whole numbers from 0.")
