"""Linking and changing a wallet: what is proved, what waits, what is refused, and who is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.accounts import addresses, selectors, services
from apps.accounts.events import WalletLinked
from apps.accounts.models import User, Wallet, WalletChallenge, WalletEntry
from apps.accounts.tasks import activate_due_wallets
from apps.accounts.types import WalletAction
from apps.core import clock, outbox
from apps.core.errors import DomainError
from apps.core.models import OutboxEvent
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy.types import Actor, Role
from tests.apps.accounts.signing import OutsideWallet

pytestmark = pytest.mark.django_db
CHALLENGE, VERIFY = "/api/v1/wallet/challenge/", "/api/v1/wallet/verify/"


def link(actor: Actor, wallet: OutsideWallet) -> str:
    with tenant_scope(actor.organisation_id):
        challenge = services.issue_challenge(actor=actor, address=wallet.address)
        return services.link_wallet(actor=actor, message=challenge.message, signature=wallet.sign(challenge.message))


def linked_events(actor: Actor) -> list[Any]:
    with tenant_scope(actor.organisation_id):
        rows = OutboxEvent.objects.filter(type=WalletLinked.type_name()).order_by("id")
        return [row.payload["address"] for row in rows]


def history(actor: Actor) -> list[str]:
    with tenant_scope(actor.organisation_id):
        return [str(entry.action) for entry in selectors.wallet_history(actor).order_by("id")]


@pytest.fixture
def wait(settings: Any) -> timedelta:
    """A change waits a day, as in production."""
    settings.WALLETS = {"change_wait": timedelta(hours=24)}
    return timedelta(hours=24)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`at(timedelta)`: the clock stands that much later."""
    real = clock.now

    def move(later: timedelta) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + later)

    return move


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(DomainError) as caught:
        call(**arguments)
    return caught.value.code


def test_a_signature_links_a_wallet_and_the_apps_above_hear_of_it(api_for, annotator):
    api, wallet = api_for(annotator), OutsideWallet()
    issued = api.post(CHALLENGE, {"address": wallet.address.lower()}, format="json")
    assert issued.status_code == 201
    text = issued.json()["message"]
    assert text.startswith("127.0.0.1:8000 wants you to sign in with your Ethereum account:\n" + wallet.address)
    assert f"Request ID: {annotator.organisation_id}" in text
    answer = api.post(VERIFY, {"message": text, "signature": wallet.sign(text)}, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "address": wallet.address,
        "is_proved": True,
        "pending_address": None,
        "pending_until": None,
    }
    assert selectors.linked_wallet(annotator.organisation_id) == wallet.address
    assert selectors.organisation_of_wallet(wallet.address) == annotator.organisation_id
    assert linked_events(annotator) == [wallet.address]
    assert history(annotator) == [WalletAction.SET]


def test_an_address_alone_receives_money_and_proves_nothing(annotator, other_actor):
    wallet = OutsideWallet()
    for actor in (annotator, other_actor):
        services.set_wallet(actor=actor, address=wallet.address)
        assert selectors.wallet_address(actor.organisation_id) == wallet.address
        assert selectors.linked_wallet(actor.organisation_id) is None
    assert selectors.organisation_of_wallet(wallet.address) is None
    link(annotator, wallet)
    assert selectors.organisation_of_wallet(wallet.address) == annotator.organisation_id
    assert linked_events(annotator) == [wallet.address]
    services.set_wallet(actor=annotator, address=wallet.address)
    link(annotator, wallet)
    assert history(annotator) == [WalletAction.SET, WalletAction.PROVED]
    assert linked_events(annotator) == [wallet.address]


def test_a_text_links_once(api_for, annotator):
    api, wallet = api_for(annotator), OutsideWallet()
    text = api.post(CHALLENGE, {"address": wallet.address}, format="json").json()["message"]
    signed = {"message": text, "signature": wallet.sign(text)}
    assert api.post(VERIFY, signed, format="json").status_code == 200
    again = api.post(VERIFY, signed, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "challenge_used")


def test_an_expired_text_links_nothing(annotator, at):
    wallet = OutsideWallet()
    with tenant_scope(annotator.organisation_id):
        challenge = services.issue_challenge(actor=annotator, address=wallet.address)
        at(timedelta(minutes=10))
        code = refused(
            services.link_wallet, actor=annotator, message=challenge.message, signature=wallet.sign(challenge.message)
        )
    assert code == "challenge_expired"
    assert selectors.wallet_address(annotator.organisation_id) is None


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("127.0.0.1:8000 wants", "phishing.example wants", "message_other_domain"),
        ("Chain ID: ", "Chain ID: 9", "message_other_chain"),
        ("", "", "signature_of_another"),
        ("Nonce: ", "Nonce: 0", "challenge_unknown"),
        ("Version: 1", "Version: x", "message_malformed"),
        ("moves no money", "moves all money", "message_changed"),
    ],
)
def test_a_wallet_that_signed_another_text_is_told_what_differs(api_for, annotator, old, new, code):
    api, wallet, other = api_for(annotator), OutsideWallet(), OutsideWallet()
    text = api.post(CHALLENGE, {"address": wallet.address}, format="json").json()["message"].replace(old, new)
    signer = other if code == "signature_of_another" else wallet
    answer = api.post(VERIFY, {"message": text, "signature": signer.sign(text)}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert api.get("/api/v1/wallet/").json()["address"] is None


def test_a_text_issued_before_the_site_or_chain_changed_links_nothing(annotator, settings):
    wallet = OutsideWallet()
    with tenant_scope(annotator.organisation_id):
        text = services.issue_challenge(actor=annotator, address=wallet.address).message
        proof = {"actor": annotator, "message": text, "signature": wallet.sign(text)}
        chain = settings.CHAIN
        settings.CHAIN = chain | {"chain_id": 5}
        assert refused(services.link_wallet, **proof) == "message_other_chain"
        settings.CHAIN = chain
        settings.PUBLIC_URL = "https://new.example"
        assert refused(services.link_wallet, **proof) == "message_other_domain"
        settings.PUBLIC_URL = "http://127.0.0.1:8000"
        assert services.link_wallet(**proof) == wallet.address


def test_a_proof_made_for_one_organisation_is_worth_nothing_to_another(annotator, other_actor):
    wallet = OutsideWallet()
    with tenant_scope(annotator.organisation_id):
        text = services.issue_challenge(actor=annotator, address=wallet.address).message
    with tenant_scope(other_actor.organisation_id):
        code = refused(services.link_wallet, actor=other_actor, message=text, signature=wallet.sign(text))
    assert code == "challenge_unknown"


def test_a_proved_address_belongs_to_one_organisation_and_the_other_is_not_named(annotator, other_actor):
    wallet = OutsideWallet()
    link(annotator, wallet)
    with pytest.raises(DomainError) as caught:
        link(other_actor, wallet)
    assert caught.value.code == "wallet_of_another"
    assert str(annotator.organisation_id) not in f"{caught.value.message} {caught.value.context}"
    assert refused(services.set_wallet, actor=other_actor, address=wallet.address) == "wallet_of_another"
    with tenant_scope(other_actor.organisation_id), pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.create(address=wallet.address, proved_at=clock.now())


def test_addresses_that_an_app_above_refuses_are_refused_with_its_reason(annotator, monkeypatch):
    monkeypatch.setattr(addresses, "_refusals", {})
    addresses.refuses_wallets(lambda address: "This is a test's own." if address.lower().endswith("abcd") else None)
    services.set_wallet(actor=annotator, address="0x" + "1" * 40)
    address = "0x" + "0" * 36 + "abcd"
    with pytest.raises(DomainError) as caught:
        services.set_wallet(actor=annotator, address=address)
    assert (caught.value.code, caught.value.message) == ("wallet_address_invalid", "This is a test's own.")


def test_a_guest_and_a_member_may_not_set_where_the_money_goes(annotator):
    guest = Actor(annotator.user_id, annotator.organisation_id, Role.OWNER, is_guest=True)
    admin = Actor(annotator.user_id, annotator.organisation_id, Role.ADMIN)
    for actor, code in ((guest, "sign_up_for_wallet"), (admin, "role_too_low")):
        assert refused(services.set_wallet, actor=actor, address=OutsideWallet().address) == code
        assert refused(services.issue_challenge, actor=actor, address=OutsideWallet().address) == code
    assert history(annotator) == []


def test_a_change_waits_is_told_to_the_owners_and_then_counts(annotator, wait, at, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.filter(id=annotator.user_id).update(email="owner@example.org")
    old, new = OutsideWallet(), OutsideWallet()
    link(annotator, old)
    link(annotator, new)
    found = selectors.wallet(annotator.organisation_id)
    assert (found.address, found.pending_address, found.pending_is_proved) == (old.address, new.address, True)
    assert services.activate_due_wallets() == 0
    outbox.drain()
    message = mail.outbox[-1]
    assert message.to == ["owner@example.org"]
    assert f"from {old.address} to {new.address}" in message.body
    assert "/accounts/wallet/" in message.body
    assert linked_events(annotator) == [old.address]
    at(wait)
    activate_due_wallets()
    assert services.activate_due_wallets() == 0
    assert selectors.wallet(annotator.organisation_id).pending_address is None
    assert selectors.linked_wallet(annotator.organisation_id) == new.address
    assert selectors.organisation_of_wallet(old.address) is None
    assert linked_events(annotator) == [old.address, new.address]
    assert history(annotator) == [WalletAction.SET, WalletAction.CHANGE_REQUESTED, WalletAction.CHANGED]


def test_only_one_change_waits_and_asking_again_does_not_put_it_off(annotator, wait, at):
    link(annotator, OutsideWallet())
    new = OutsideWallet()
    services.set_wallet(actor=annotator, address=new.address)
    until = selectors.wallet(annotator.organisation_id).pending_until
    at(timedelta(hours=2))
    services.set_wallet(actor=annotator, address=new.address)
    link(annotator, new)
    found = selectors.wallet(annotator.organisation_id)
    assert (found.pending_until, found.pending_is_proved) == (until, True)
    assert refused(services.set_wallet, actor=annotator, address=OutsideWallet().address) == "wallet_change_pending"


def test_a_cancelled_change_changes_nothing(api_for, annotator, wait, at):
    api, old = api_for(annotator), OutsideWallet()
    link(annotator, old)
    services.set_wallet(actor=annotator, address=OutsideWallet().address)
    assert api.delete("/api/v1/wallet/change/").json()["pending_address"] is None
    assert api.delete("/api/v1/wallet/change/").status_code == 404
    at(wait)
    assert services.activate_due_wallets() == 0
    assert selectors.wallet_address(annotator.organisation_id) == old.address


def test_a_change_to_a_wallet_that_was_linked_elsewhere_meanwhile_is_refused(annotator, other_actor, wait, at):
    old, new = OutsideWallet(), OutsideWallet()
    link(annotator, old)
    link(annotator, new)
    link(other_actor, new)
    at(wait)
    assert services.activate_due_wallets() == 0
    assert selectors.linked_wallet(annotator.organisation_id) == old.address
    assert selectors.wallet(annotator.organisation_id).pending_address is None
    assert history(annotator)[-1] == WalletAction.CHANGE_REFUSED


def test_the_history_cannot_be_rewritten(annotator):
    services.set_wallet(actor=annotator, address=OutsideWallet().address)
    with tenant_scope(annotator.organisation_id):
        for statement in ("UPDATE accounts_walletentry SET address = 'x'", "DELETE FROM accounts_walletentry"):
            with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        assert WalletEntry.objects.count() == 1


def test_the_page_links_by_hand_and_says_what_is_wrong(client_for, annotator):
    client, wallet = client_for(annotator), OutsideWallet()
    assert "You need none to earn" in client.get("/accounts/wallet/").content.decode()
    wrong = client.post("/accounts/wallet/challenge/", {"address": "0x12"})
    assert (wrong.status_code, "40 hex digits" in wrong.content.decode()) == (422, True)
    assert client.post("/accounts/wallet/challenge/", {}).status_code == 422
    shown = client.post("/accounts/wallet/challenge/", {"address": wallet.address})
    assert shown.status_code == 200
    text = shown.context["text"]
    as_a_browser_sends_it = text.replace("\n", "\r\n")
    bad = client.post("/accounts/wallet/verify/", {"message": as_a_browser_sends_it, "signature": "0x00"})
    assert (bad.status_code, "130 hex digits" in bad.content.decode()) == (422, True)
    assert client.post("/accounts/wallet/verify/", {"message": text}).status_code == 422
    done = client.post(
        "/accounts/wallet/verify/", {"message": as_a_browser_sends_it, "signature": wallet.sign(text)}, follow=True
    )
    assert "is linked. Withdrawals go there" in done.content.decode()
    assert "Your signature has proved that it is yours" in done.content.decode()


def test_the_page_shows_a_waiting_change_and_cancels_it(client_for, annotator, wait):
    client = client_for(annotator)
    link(annotator, OutsideWallet())
    new = OutsideWallet()
    text = client.post("/accounts/wallet/challenge/", {"address": new.address}).context["text"]
    page = client.post("/accounts/wallet/verify/", {"message": text, "signature": new.sign(text)}, follow=True)
    assert "Until then nothing can be withdrawn" in page.content.decode()
    page = client.post("/accounts/wallet/cancel/", follow=True)
    assert "The change is cancelled" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_prove_one_address_at_once_one_gets_it(make_actor):
    wallet, actors = OutsideWallet(), [make_actor(name=f"Racer {number}") for number in range(4)]
    proofs = []
    for actor in actors:
        with tenant_scope(actor.organisation_id):
            text = services.issue_challenge(actor=actor, address=wallet.address).message
        proofs.append((actor, text, wallet.sign(text)))

    def prove(proof: Any) -> str:
        actor, text, signature = proof
        try:
            with tenant_scope(actor.organisation_id):
                services.link_wallet(actor=actor, message=text, signature=signature)
        except DomainError as error:
            return error.code
        else:
            return "linked"
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(prove, proofs * 2))
    assert outcomes.count("linked") == 1
    assert set(outcomes) <= {"linked", "wallet_of_another", "challenge_used"}
    with all_tenants(reason="tests"):
        assert WalletChallenge.objects.filter(address=wallet.address, used_at__isnull=False).count() == 1
