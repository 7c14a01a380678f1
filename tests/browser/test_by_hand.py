"""The human steps of the golden path by hand: order, label, keep, withdraw; build, publish, sell, use."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.browser.page_checks import Watch, wait_until_ready
from tests.browser.world import World

pytestmark = [pytest.mark.usefixtures("deliveries"), pytest.mark.timeout(600)]
Visit = Callable[..., BrowserContext]

MESSAGES = ["Win a prize now", "See you at seven", "Claim your free phone", "Running late, sorry"]
WALLET = "0x" + "c0de" * 10


def opened(context: BrowserContext, address: str) -> tuple[Page, Watch]:
    page = context.new_page()
    watch = Watch.over(page)
    page.goto(address)
    wait_until_ready(page)
    return page, watch


def test_an_order_is_placed_labelled_by_a_guest_kept_and_withdrawn(world: World, visit: Visit) -> None:
    title = f"Spam or ham {secrets.token_hex(3)}"
    buyer, buyer_watch = opened(visit(world.actors["team"]), "/orders/new/")
    place_order(buyer, title)

    worker, worker_watch = opened(visit(width=390), "/work/")
    label_all(worker, title)
    expect(buyer.get_by_text("finished").first).to_be_visible()
    expect(buyer.get_by_role("link", name="Open the dataset")).to_be_visible()
    expect(buyer.get_by_role("heading", name="End it early")).to_be_hidden()

    sign_up(worker)
    withdraw(worker)
    assert not buyer_watch.problems + worker_watch.problems


def place_order(page: Page, title: str) -> None:
    content = "text\n" + "".join(f'"{message}"\n' for message in MESSAGES)
    page.get_by_label("Your file").set_input_files(
        files=[FilePayload(name="messages.csv", mimeType="text/csv", buffer=content.encode())]
    )
    page.get_by_label("Title").fill(title)
    page.get_by_label("Instruction").fill("Is the message **spam**?")
    page.get_by_label("Choices").fill("spam\nham")
    page.get_by_label("Pay for one accepted label").fill("0.05")
    page.get_by_role("spinbutton", name="Answers for each item").fill("1")
    page.get_by_label("Hidden check questions").fill("0")
    page.get_by_role("button", name="Save and review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("Labels given")).to_be_visible()


def label_all(page: Page, title: str) -> None:
    page.reload()
    page.get_by_role("button", name=f"Start {title}").click()
    text = page.locator("[data-input=text]")
    page.wait_for_selector("task-player[data-ready]")
    for number in range(len(MESSAGES)):
        expect(page.locator("[data-part=answered]")).to_have_text(str(number))
        expect(text).not_to_be_empty()
        shown = text.inner_text()
        spam = "prize" in shown or "free" in shown
        page.keyboard.press("1" if spam else "2")
        if number < len(MESSAGES) - 1:
            expect(text).not_to_have_text(shown)
    expect(page.get_by_role("heading", name="That was everything for you here")).to_be_visible()


def sign_up(page: Page) -> None:
    page.goto("/accounts/signup/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep what you earned")
    page.get_by_label("E-mail").fill(f"{secrets.token_hex(6)}@example.org")
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("button", name="Keep my earnings").click()
    expect(page.get_by_role("heading", level=2, name="Next steps")).to_be_visible()
    expect(page.get_by_text("$0.20").first).to_be_visible()


def withdraw(page: Page) -> None:
    page.goto("/earnings/")
    page.get_by_label("Wallet address").fill(WALLET)
    page.get_by_role("button", name="Save the address").click()
    page.get_by_label("Amount (USD)").fill("0.20")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("Waiting for the next payout").first).to_be_visible()


def test_an_agent_is_built_published_offered_bought_and_used(world: World, visit: Visit) -> None:
    name = f"Desk {secrets.token_hex(3)}"
    builder, builder_watch = opened(visit(world.actors["team"]), "/agents/")
    build_and_publish(builder, name)
    address = builder.locator("main a[href*='/a/']").first.get_attribute("href") or ""
    offer(builder)

    user, user_watch = opened(visit(world.actors["buyer"], width=390), "/marketplace/")
    buy(user, name)
    user.goto("/a/" + address.split("/a/")[1])
    ask(user, "How many days do I have to return something?")
    assert not builder_watch.problems + user_watch.problems


def build_and_publish(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile("Use this.*Support desk")).click()
    page.get_by_label("Name").fill(name)
    handbook = b"# Returns\n\nYou may return an item within 45 days of delivery."
    page.get_by_label("Your document").set_input_files(
        files=[FilePayload(name="returns.md", mimeType="text/markdown", buffer=handbook)]
    )
    page.get_by_role("button", name="Save", exact=True).click()
    document = page.get_by_role("listitem").filter(has_text="returns.md")
    expect(document.get_by_text("ready")).to_be_visible()
    ask(page, "How many days do I have to return something?")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="Where it answers")).to_be_visible()


def ask(page: Page, question: str) -> None:
    page.wait_for_selector("agent-chat[data-ready]")
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask").click()
    log = page.get_by_role("log")
    expect(log.get_by_text("45 days").first).to_be_attached()


def offer(page: Page) -> None:
    page.get_by_role("link", name="asset page").click()
    page.get_by_role("link", name="Sell licences").click()
    page.get_by_label("Use inside your organisation").check()
    page.get_by_label("Price in USD").fill("12.50")
    page.get_by_role("button", name="Put on the marketplace").click()
    expect(page.get_by_text("$12.50").first).to_be_visible()


def buy(page: Page, name: str) -> None:
    page.get_by_label("Search").fill(name)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Buy for $12.50").click()
    page.get_by_role("button", name="Pay $12.50").click()
    expect(page.get_by_text(re.compile("You hold this licence")).first).to_be_visible()
