"""From a funded order to paid annotators and a dataset version."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core import outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors as datasets
from apps.labeling.models import Annotation, Order
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from tests.apps.labeling.conftest import wrong

pytestmark = pytest.mark.django_db


def available(organisation_id: Any, kind: AccountKind) -> Money:
    found = ledger.balance(AccountRef(organisation_id, kind, "USD")).available
    assert isinstance(found, Money)
    return found


def test_an_order_is_labelled_paid_and_becomes_a_dataset_version(make_actor, make_order, work, annotator):
    requester = make_actor()
    second = make_actor(personal=True)
    order = make_order(requester, items=12, gold=4, redundancy=2, price=4)
    assert available(requester.organisation_id, AccountKind.CASH) == Money(100_000 - 96 - 10)

    assert work(annotator, order) == 12
    assert work(second, order) == 12
    outbox.drain()

    with tenant_scope(requester.organisation_id):
        order = Order.objects.get(id=order.id)
        assert order.state == "finished"
        assert set(Annotation.objects.values_list("state", flat=True)) == {"accepted"}
    assert available(annotator.organisation_id, AccountKind.EARNINGS) == Money(48)
    assert available(second.organisation_id, AccountKind.EARNINGS) == Money(48)
    assert available(requester.organisation_id, AccountKind.CASH) == Money(100_000 - 96 - 10)
    assert order.dataset_version_id is not None
    version = datasets.dataset_version(order.dataset_version_id)
    assert version.row_count == 12
    assert set(version.classes) == {"ham", "spam"}
    assert version.card["quality"]["check_accuracy"] == 1
    rows = list(datasets.iter_rows(version.id))
    assert all(row["label"] == ("spam" if int(str(row["text"]).split()[-1]) % 2 else "ham") for row in rows)
    assert {row["split"] for row in rows} == {"train", "test"}


def test_a_spammer_is_not_paid_and_the_money_goes_back(make_actor, make_order, work):
    requester = make_actor()
    honest = [make_actor(personal=True) for _ in range(2)]
    spammer = make_actor(personal=True)
    order = make_order(requester, items=12, gold=4, redundancy=3, price=5)
    work(spammer, order, wrong)
    for one in honest:
        work(one, order)
    outbox.drain()
    assert available(spammer.organisation_id, AccountKind.EARNINGS) == Money(0)
    for one in honest:
        assert available(one.organisation_id, AccountKind.EARNINGS) == Money(60)
    spent = 120 + 12
    kept = 60 + 6  # for the spammer's right to appeal
    assert available(requester.organisation_id, AccountKind.CASH) == Money(100_000 - spent - kept)
    with tenant_scope(requester.organisation_id):
        rejected = Annotation.objects.filter(annotator_id=spammer.organisation_id)
        assert {row.rule for row in rejected} == {"gold_mismatch", "failed_checks"}
        assert all(row.reason for row in rejected)
