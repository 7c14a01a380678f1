"""What changes something outside is done once; what cannot be told is asked, never repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from apps.agents.errors import EffectUncertain
from apps.agents.models import SideEffect
from apps.agents.services.effects import EffectNotMade, once, settle_effect
from apps.core.errors import DependencyFailed, InvalidInput
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db


class Outside:
    """Something that counts what is done to it."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.error: BaseException | None = None

    def __call__(self, key: str) -> Any:
        self.keys.append(key)
        if self.error is not None:
            raise self.error
        return {"done": len(self.keys)}


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def call(actor: Actor, outside: Outside) -> Callable[..., Any]:
    scope = f"test:{uuid4()}"

    def make(**arguments: Any) -> Any:
        return once(organisation_id=actor.organisation_id, scope=scope, tool="pay", arguments=arguments, call=outside)

    return make


def test_a_call_begun_again_gives_the_first_result(call: Callable[..., Any], outside: Outside) -> None:
    assert call(amount=5) == call(amount=5) == {"done": 1}
    assert call(amount=6) == {"done": 2}
    assert len(set(outside.keys)) == 2


def test_a_call_without_a_known_end_is_not_made_again(call: Callable[..., Any], outside: Outside) -> None:
    outside.error = DependencyFailed("timeout", "No answer came.")
    for _ in range(3):
        with pytest.raises(EffectUncertain):
            call(amount=5)
    assert len(outside.keys) == 1


def test_a_worker_that_died_in_the_call_leaves_it_uncertain(call: Callable[..., Any], outside: Outside) -> None:
    outside.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        call(amount=5)
    outside.error = None
    with pytest.raises(EffectUncertain):
        call(amount=5)
    assert len(outside.keys) == 1


def test_a_refused_call_may_be_made_again_with_the_same_key(call: Callable[..., Any], outside: Outside) -> None:
    outside.error = EffectNotMade(InvalidInput("refused", "The server said no."))
    with pytest.raises(InvalidInput, match="said no"):
        call(amount=5)
    outside.error = None
    assert call(amount=5) == {"done": 2}
    assert len(set(outside.keys)) == 1


@pytest.mark.parametrize(("happened", "calls"), [(True, 1), (False, 2)])
def test_a_person_says_what_became_of_it(
    actor: Actor, call: Callable[..., Any], outside: Outside, happened: bool, calls: int
) -> None:
    outside.error = DependencyFailed("timeout", "No answer came.")
    with pytest.raises(EffectUncertain) as uncertain:
        call(amount=5)
    effect = SideEffect.objects.get(id=uncertain.value.context["effect_id"])
    settle_effect(
        organisation_id=actor.organisation_id,
        effect_id=effect.id,
        user_id=actor.user_id,
        happened=happened,
        result={"seen": "by hand"},
    )
    outside.error = None
    assert call(amount=5) == ({"seen": "by hand"} if happened else {"done": 2})
    assert len(outside.keys) == calls
