"""Releasing versions: what is accepted, what is refused, what is stored and asked of the chain."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from time import process_time
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from apps.accounts import services as accounts
from apps.assets import selectors, services
from apps.assets.contribution_tree import contribution_proofs, contribution_root
from apps.assets.errors import (
    AssetNotFound,
    ContributionNotProvable,
    DevelopRightMissing,
    InvalidRelease,
    RoyaltyTooLow,
)
from apps.assets.models import AssetVersion, Contribution, ProvenanceEdge
from apps.assets.types import AssetKind, ContributionSpec, ParentRef
from apps.core.errors import InvalidInput, NotPermitted
from apps.core.ids import uuid7
from apps.core.tenant import all_tenants, tenant_scope
from apps.onchain.holders import address_of, custodial_address
from apps.onchain.models import ChainIntent
from apps.onchain.services import encode_words
from apps.tenancy.models import Organisation
from apps.tenancy.types import Role
from chain_bridge.merkle import verify_proof
from tests.apps.assets.chain_events import fresh_wallet, know_the_contracts, link_wallet

pytestmark = pytest.mark.django_db

ROOT = "0x" + "cd" * 32
NO_CONTRIBUTIONS = "0x" + "00" * 32
Release = Callable[..., Any]


def grant_develop(owner: Any, asset_id: Any, grantee: Any, royalty_bps: int = 0) -> Any:
    with tenant_scope(owner.organisation_id):
        return services.grant_access(
            actor=owner,
            asset_id=asset_id,
            grantee_id=grantee.organisation_id,
            right="develop",
            royalty_bps=royalty_bps,
            source_type="test",
            source_id=str(uuid7()),
        )


def test_the_first_version_asks_the_chain_to_register_and_later_ones_to_add(actor: Any, release: Release) -> None:
    first = release(actor)
    second = release(actor, asset_id=first.asset_id, content_root=ROOT)
    assert (first.number, second.number) == (1, 2)
    intents = list(ChainIntent.objects.filter(kind="assets.version").order_by("id"))
    assert [intent.function for intent in intents] == ["register", "addVersion"]
    token = str(first.asset_id.int)
    assert intents[0].args == ["custody", token, first.content_root, first.metadata_hash, NO_CONTRIBUTIONS, [], []]
    assert intents[1].args == [token, ROOT, second.metadata_hash, NO_CONTRIBUTIONS, [], []]


def test_the_token_goes_to_the_wallet_that_the_owner_has_proved_else_to_the_account_kept_for_it(
    actor: Any, release: Release
) -> None:
    know_the_contracts()
    accounts.set_wallet(actor=actor, address=fresh_wallet())  # told by API, proved by nobody
    kept = release(actor)
    assert minted_to(kept) == custodial_address(actor.organisation_id)
    proved = link_wallet(actor)
    assert minted_to(release(actor)) == proved


def minted_to(version: Any) -> str:
    intent = ChainIntent.objects.get(kind="assets.version", args__1=str(version.asset_id.int))
    address: str = intent.args[0]
    return address


def test_a_versions_contribution_root_proves_each_contributors_weight(
    actor: Any, other_actor: Any, annotator: Any, release: Release
) -> None:
    know_the_contracts()
    version = release(
        actor,
        contributions=[
            ContributionSpec(other_actor.organisation_id, "annotator", 3),
            ContributionSpec(other_actor.organisation_id, "reviewer", 2),
            ContributionSpec(annotator.organisation_id, "annotator", 7),
        ],
    )
    intent = ChainIntent.objects.get(kind="assets.version", args__1=str(version.asset_id.int))
    for who, weight in ((other_actor, 5), (annotator, 7)):
        proof = selectors.contribution_proof(version.id, who.organisation_id)
        assert (proof.weight, proof.total_weight, proof.root) == (weight, 12, intent.args[4])
        assert proof.address == address_of(who.organisation_id)
        leaf = encode_words(proof.address, proof.weight)
        assert verify_proof(proof.root, leaf, proof.proof)
        assert not verify_proof(proof.root, encode_words(proof.address, proof.weight + 1), proof.proof)
    with pytest.raises(ContributionNotProvable):
        selectors.contribution_proof(version.id, actor.organisation_id)


def test_a_contributor_that_links_a_wallet_later_keeps_the_proof_of_the_former_address(
    actor: Any, annotator: Any, release: Release
) -> None:
    know_the_contracts()
    version = release(actor, contributions=[ContributionSpec(annotator.organisation_id, "annotator", 1)])
    link_wallet(annotator)
    proof = selectors.contribution_proof(version.id, annotator.organisation_id)
    assert proof.address == custodial_address(annotator.organisation_id)


def test_a_version_of_ten_thousand_contributors_is_released_within_seconds(actor: Any, release: Release) -> None:
    know_the_contracts()
    crowd = Organisation.objects.bulk_create(
        [Organisation(name=f"Annotator {n}", slug=f"crowd-{uuid7().hex}", kind="personal") for n in range(10_000)]
    )
    started = process_time()
    version = release(actor, contributions=[ContributionSpec(one.id, "annotator", 1) for one in crowd])
    assert process_time() - started < 20
    started = process_time()
    proof = selectors.contribution_proof(version.id, crowd[77].id)
    assert process_time() - started < 5
    assert verify_proof(proof.root, encode_words(proof.address, 1), proof.proof)


def test_ten_thousand_contributors_make_a_root_within_seconds() -> None:
    contributions = [(f"0x{index + 1:040x}", index + 1) for index in range(10_000)]
    started = process_time()
    root, proofs = contribution_proofs(contributions)
    assert process_time() - started < 5
    assert contribution_root(reversed(contributions)) == root
    assert len(proofs) == 10_000


def test_parents_and_weights_go_on_chain_but_an_assets_own_earlier_version_does_not(
    actor: Any, release: Release
) -> None:
    data = release(actor)
    first = release(actor, "Model", AssetKind.MODEL, parents=[ParentRef(data.id, 2_000)])
    release(actor, asset_id=first.asset_id, parents=[ParentRef(first.id, 1_000), ParentRef(data.id, 1_500)])
    last = ChainIntent.objects.filter(kind="assets.version").order_by("id").last()
    assert last is not None
    assert last.args[-2:] == [[str(data.asset_id.int)], [1_500]]


def test_the_metadata_hash_is_one_and_the_same_for_the_same_facts(actor: Any, release: Release) -> None:
    version = release(actor, kind=AssetKind.AGENT, metadata={"b": [1.0, 0.25], "a": "é", "c": 1e22})
    assert selectors.verify_version(version.id).ok
    assert selectors.version(version.id).metadata == {"a": "é", "b": [1, 0.25], "c": 10**22}


def test_verification_finds_a_changed_record(actor: Any, release: Release) -> None:
    version = release(actor, kind=AssetKind.AGENT)
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute("UPDATE assets_assetversion SET metadata = '{}' WHERE id = %s", [version.id])
    with pytest.raises(DatabaseError), transaction.atomic():
        AssetVersion.objects.filter(id=version.id).update(metadata_hash="0x00")
    AssetVersion.objects.filter(id=version.id).update(
        chain_record={"content_root": "0x" + "00" * 32, "metadata_hash": version.metadata_hash}
    )
    checks = {check.name: check.ok for check in selectors.verify_version(version.id).checks}
    assert checks == {"metadata_hash": True, "chain.content_root": False, "chain.metadata_hash": True}


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"content_root": "abc"}, "content_root"),
        ({"content_root": "0x" + "0" * 64}, "content_root"),
        ({"contributor_bps": 10_001}, "contributor_bps"),
        ({"metadata": {"x": float("nan")}}, "metadata"),
        ({"metadata": {"x": object()}}, "metadata"),
        ({"metadata": {"x": "\x00"}}, "metadata"),
    ],
)
def test_bad_facts_are_refused_by_field_and_nothing_is_saved(
    actor: Any, release: Release, bad: dict[str, Any], field: str
) -> None:
    asset = services.register_asset(actor=actor, kind="dataset", name="Reviews")
    with pytest.raises(InvalidRelease) as caught:
        release(actor, asset_id=asset.id, **bad)
    assert [error["field"] for error in caught.value.errors] == [field]
    assert not AssetVersion.objects.exists()
    assert not ChainIntent.objects.exists()


def test_parents_take_less_than_the_whole_and_contributions_weigh_something(actor: Any, release: Release) -> None:
    one, two = release(actor, "One"), release(actor, "Two")
    for parents in (
        [ParentRef(one.id, 5_000), ParentRef(two.id, 5_000)],
        [ParentRef(one.id, 0)],
        [ParentRef(one.id, 1), ParentRef(one.id, 1)],
        [ParentRef(uuid7(), 1)],
    ):
        with pytest.raises(InvalidRelease):
            release(actor, "Model", AssetKind.MODEL, parents=parents)
    for contribution in (
        ContributionSpec(actor.organisation_id, "annotator", 0),
        ContributionSpec(uuid7(), "annotator", 1),
    ):
        with pytest.raises(InvalidRelease):
            release(actor, "Model", AssetKind.MODEL, contributions=[contribution])
    assert not ProvenanceEdge.objects.exists()
    assert not Contribution.objects.exists()


def test_another_organisations_asset_is_built_on_only_with_its_development_right(
    actor: Any, other_actor: Any, release: Release
) -> None:
    theirs = release(other_actor, "Theirs")
    parents = [ParentRef(theirs.id, 1_000)]
    with pytest.raises(DevelopRightMissing):
        release(actor, "Model", AssetKind.MODEL, parents=parents)
    grant_develop(other_actor, theirs.asset_id, actor, royalty_bps=1_500)
    with pytest.raises(RoyaltyTooLow):
        release(actor, "Model", AssetKind.MODEL, parents=parents)
    model = release(actor, "Model", AssetKind.MODEL, parents=[ParentRef(theirs.id, 1_500)])
    shares = {share.organisation_id: share.weight for share in selectors.revenue_shares(model.id)}
    assert shares == {actor.organisation_id: Fraction(85, 100), other_actor.organisation_id: Fraction(15, 100)}


def test_a_revoked_right_no_longer_allows_to_build(actor: Any, other_actor: Any, release: Release) -> None:
    theirs = release(other_actor, "Theirs")
    grant = grant_develop(other_actor, theirs.asset_id, actor)
    assert selectors.has_right(actor.organisation_id, theirs.asset_id, "use")
    with tenant_scope(other_actor.organisation_id):
        services.revoke_access(actor=other_actor, grant_id=grant.id)
    assert not selectors.has_right(actor.organisation_id, theirs.asset_id, "use")
    with pytest.raises(DevelopRightMissing):
        release(actor, "Model", AssetKind.MODEL, parents=[ParentRef(theirs.id, 1_000)])


def test_nobody_releases_versions_of_anothers_asset(actor: Any, other_actor: Any, release: Release) -> None:
    theirs = release(other_actor, "Theirs")
    with pytest.raises(AssetNotFound):
        release(actor, asset_id=theirs.asset_id)


def test_a_viewer_registers_nothing(make_actor: Callable[..., Any]) -> None:
    viewer = make_actor(role=Role.VIEWER)
    with tenant_scope(viewer.organisation_id), pytest.raises(NotPermitted):
        services.register_asset(actor=viewer, kind="dataset", name="Reviews")


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_bad_name_is_refused(actor: Any, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.register_asset(actor=actor, kind="dataset", name=name)
    assert caught.value.errors[0]["field"] == "name"


def test_equal_names_get_different_slugs(actor: Any) -> None:
    slugs = {services.register_asset(actor=actor, kind="dataset", name="Réviews!").slug for _ in range(3)}
    assert len(slugs) == 3
    assert "reviews" in slugs


def test_contributions_of_one_organisation_in_one_role_are_added_up(actor: Any, release: Release) -> None:
    spec = ContributionSpec(actor.organisation_id, "annotator", 2)
    version = release(actor, contributions=[spec, spec, ContributionSpec(actor.organisation_id, "reviewer", 1)])
    found = {(c.role, c.weight) for c in selectors.contributors(version.id)}
    assert found == {("annotator", 4), ("reviewer", 1)}


@pytest.mark.parametrize("table", ["assets_assetversion", "assets_provenanceedge", "assets_contribution"])
def test_history_cannot_be_deleted(actor: Any, release: Release, table: str) -> None:
    data = release(actor, contributions=[ContributionSpec(actor.organisation_id, "annotator", 1)])
    release(actor, "Model", AssetKind.MODEL, parents=[ParentRef(data.id, 1_000)])
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):  # noqa: S608  # names from above
        with all_tenants(reason="test"), pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(statement)
