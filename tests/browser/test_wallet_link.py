"""Linking a wallet as people do it: with a browser wallet in two clicks, and by hand without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from apps.tenancy import selectors
from tests.apps.accounts.signing import OutsideWallet
from tests.browser.world import World, _person

Visit = Callable[..., BrowserContext]

PROVIDER = """
window.ethereum = { request: (call) => window.answerAsWallet(call.method, call.params ?? []) };
"""


def newcomer(visit: Visit, name: str) -> Page:
    return visit(selectors.actor_for(_person(name).id)).new_page()


def test_a_browser_wallet_is_linked_in_two_clicks(world: World, visit: Visit) -> None:
    page, wallet = newcomer(visit, "Zola Mensah"), OutsideWallet()
    refuse = [True]

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_requestAccounts":
            return [wallet.address.lower()]
        if refuse.pop() if refuse else False:
            raise RuntimeError("User rejected the request.")
        return wallet.sign(bytes.fromhex(params[0].removeprefix("0x")).decode())

    page.expose_function("answerAsWallet", answer)
    page.add_init_script(PROVIDER)
    page.goto("/accounts/wallet/")
    connect = page.get_by_role("button", name="Connect your wallet")
    connect.click()
    expect(page.get_by_text("User rejected the request.")).to_be_visible()
    connect.click()
    expect(page.get_by_text("Your signature has proved that it is yours.")).to_be_visible()
    expect(page.get_by_text(wallet.address).first).to_be_visible()


def test_without_a_browser_wallet_the_text_is_signed_by_hand(world: World, visit: Visit) -> None:
    page, wallet = newcomer(visit, "Ravi Nair"), OutsideWallet()
    page.goto("/accounts/wallet/")
    expect(page.get_by_role("button", name="Connect")).to_have_count(0)
    page.get_by_label("Your wallet's address").fill(wallet.address)
    page.get_by_role("button", name="Show the text to sign").click()
    text = page.locator("input[name=message]").input_value()
    page.get_by_label("Signature").fill(wallet.sign(text))
    page.get_by_role("button", name="Link this wallet").click()
    expect(page.get_by_text("is linked. Withdrawals go there from now on.")).to_be_visible()
