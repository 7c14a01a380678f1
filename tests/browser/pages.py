"""Every page of the platform, as whom it is looked at. A page that is not here is not checked: add yours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.browser.world import World

PAGE_BUDGET_KB = 60
TASK_PLAYER_BUDGET_KB = 45


@dataclass(frozen=True)
class PageCase:
    """One page in one state.

    Attributes:
        name: names the test and the screenshots.
        path: the address, or a function of the world that gives it.
        who: a name in `World.actors`, or "visitor".
        budget_kb: HTML + CSS + JS, gzip.
        status: the expected HTTP status.
    """

    name: str
    path: str | Callable[[World], str]
    who: str = "visitor"
    budget_kb: int = PAGE_BUDGET_KB
    status: int = 200

    def address(self, world: World) -> str:
        """The page's address in this world."""
        return self.path if isinstance(self.path, str) else self.path(world)


PAGES: list[PageCase] = [
    PageCase("landing", "/"),
    PageCase("landing-signed-in", "/", "person"),
    PageCase("developers", "/developers/"),
    PageCase("sign-in", "/accounts/login/"),
    PageCase("sign-up", "/accounts/signup/"),
    PageCase("sign-up-guest", "/accounts/signup/", "guest"),
    PageCase("password-reset", "/accounts/password/reset/"),
    PageCase("password-reset-sent", "/accounts/password/reset/done/"),
    PageCase("password-reset-stale", "/accounts/password/reset/key/0-no-key/"),
    PageCase("password-reset-finished", "/accounts/password/reset/key/done/"),
    PageCase("email-confirmation-sent", "/accounts/confirm-email/"),
    PageCase("email-confirmation-stale", "/accounts/confirm-email/no-key/"),
    PageCase("reauthenticate", "/accounts/reauthenticate/", "person"),
    PageCase("password-change", "/accounts/password/change/", "person"),
    PageCase("email-addresses", "/accounts/email/", "person"),
    PageCase("sign-out", "/accounts/logout/", "person"),
    PageCase("profile", "/accounts/profile/", "person"),
    PageCase("dashboard-newcomer", "/dashboard/", "newcomer"),
    PageCase("dashboard-person", "/dashboard/", "person"),
    PageCase("dashboard-empty-team", "/dashboard/", "empty_team"),
    PageCase("dashboard-team", "/dashboard/", "team"),
    PageCase("members", "/organisation/", "team"),
    PageCase("members-viewer", "/organisation/", "viewer"),
    PageCase("api-keys", "/organisation/keys/", "team"),
    PageCase("api-keys-empty", "/organisation/keys/", "person"),
    PageCase("audit-trail", "/organisation/audit/", "team"),
    PageCase("audit-trail-refused", "/organisation/audit/", "viewer", status=403),
    PageCase("organisation-new", "/organisation/new/", "person"),
    PageCase("not-found", "/there-is-no-such-page/", status=404),
    PageCase("asset-own", lambda w: f"/assets/{w.ids['model_asset']}/", "team"),
    PageCase("asset-visitor", lambda w: f"/assets/{w.ids['model_asset']}/"),
    PageCase("asset-agent", lambda w: f"/assets/{w.ids['agent_asset']}/", "buyer"),
    PageCase("asset-contributor", lambda w: f"/assets/{w.ids['dataset_asset']}/", "person"),
    PageCase(
        "asset-verification",
        lambda w: f"/assets/{w.ids['model_asset']}/versions/{w.ids['model_asset_version']}/verify/",
        "team",
    ),
    PageCase("asset-unreleased", lambda w: f"/assets/{w.ids['draft_asset']}/", "team"),
    PageCase("asset-foreign", lambda w: f"/assets/{w.ids['draft_asset']}/", "buyer", status=404),
    PageCase("billing", "/billing/", "team"),
    PageCase("billing-empty", "/billing/", "empty_team"),
    PageCase("plan", "/billing/plan/", "team"),
    PageCase("plan-viewer", "/billing/plan/", "viewer"),
    PageCase("staff-billing", "/staff/billing/", "staff"),
    PageCase("staff-billing-refused", "/staff/billing/", "team", status=404),
    PageCase("staff-chain", "/staff/chain/", "staff"),
    PageCase("staff-chain-refused", "/staff/chain/", "team", status=404),
    PageCase("orders", "/orders/", "team"),
    PageCase("orders-empty", "/orders/", "newcomer"),
    PageCase("order-new", "/orders/new/", "team"),
    PageCase("order-draft", lambda w: f"/orders/{w.ids['order_draft']}/", "team"),
    PageCase("order-without-money", lambda w: f"/orders/{w.ids['order_poor']}/", "empty_team"),
    PageCase("order-running", lambda w: f"/orders/{w.ids['order']}/", "team"),
    PageCase("order-extend", lambda w: f"/orders/{w.ids['order']}/extend/", "team"),
    PageCase("order-extend-quoted", lambda w: f"/orders/{w.ids['order']}/extend/?redundancy=5", "team"),
    PageCase("order-extend-foreign", lambda w: f"/orders/{w.ids['order']}/extend/", "buyer", status=404),
    PageCase("order-sample", lambda w: f"/orders/{w.ids['order_draft']}/sample/", "team"),
    PageCase("order-sample-foreign", lambda w: f"/orders/{w.ids['order_draft']}/sample/", "buyer", status=404),
    PageCase("order-done", lambda w: f"/orders/{w.ids['order_done']}/", "team"),
    PageCase("order-foreign", lambda w: f"/orders/{w.ids['order_done']}/", "buyer", status=404),
    PageCase("imports", "/imports/", "team"),
    PageCase("imports-empty", "/imports/", "newcomer"),
    PageCase("import-new", "/imports/new/", "team"),
    PageCase("import-ready", lambda w: f"/imports/{w.ids['import']}/", "team"),
    PageCase("import-waiting", lambda w: f"/imports/{w.ids['import_waiting']}/", "team"),
    PageCase("import-failed", lambda w: f"/imports/{w.ids['import_failed']}/", "team"),
    PageCase("task-board", "/work/"),
    PageCase("task-board-signed-in", "/work/", "person"),
    PageCase("task-player-visitor", lambda w: f"/work/{w.ids['order']}/", budget_kb=TASK_PLAYER_BUDGET_KB),
    PageCase("task-player", lambda w: f"/work/{w.ids['order']}/", "person", budget_kb=TASK_PLAYER_BUDGET_KB),
    PageCase("task-player-done", lambda w: f"/work/{w.ids['order_done']}/", "person", budget_kb=TASK_PLAYER_BUDGET_KB),
    PageCase("task-player-not-eligible", lambda w: f"/work/{w.ids['order_skilled']}/", "newcomer"),
    PageCase("annotator-profile", "/work/profile/", "person"),
    PageCase("skills-to-earn", "/work/skills/"),
    PageCase("skills-to-earn-held", "/work/skills/", "person"),
    PageCase("skill", lambda w: f"/work/skills/{w.ids['skill']}/", "newcomer"),
    PageCase("skill-visitor", lambda w: f"/work/skills/{w.ids['skill']}/"),
    PageCase("skill-held", lambda w: f"/work/skills/{w.ids['skill']}/", "person"),
    PageCase("skills-own", "/skills/", "team"),
    PageCase("skills-own-empty", "/skills/", "newcomer"),
    PageCase("skill-new", "/skills/new/", "team"),
    PageCase("order-requirements", lambda w: f"/orders/{w.ids['order_skilled']}/requirements/", "team"),
    PageCase("review-queue", lambda w: f"/orders/{w.ids['order_disputed']}/review/", "team"),
    PageCase("review-queue-viewer", lambda w: f"/orders/{w.ids['order_disputed']}/review/", "viewer"),
    PageCase("review-queue-empty", lambda w: f"/orders/{w.ids['order_done']}/review/", "team"),
    PageCase("review-queue-foreign", lambda w: f"/orders/{w.ids['order_disputed']}/review/", "buyer", status=404),
    PageCase("review-item", lambda w: f"/orders/{w.ids['order_disputed']}/review/{w.ids['item_disputed']}/", "team"),
    PageCase("review-queue-annotator", lambda w: f"/work/{w.ids['order_disputed']}/review/", "person"),
    PageCase(
        "review-item-annotator", lambda w: f"/work/{w.ids['order_disputed']}/review/{w.ids['item_disputed']}/", "person"
    ),
    PageCase("order-cases", lambda w: f"/orders/{w.ids['order_watched']}/cases/", "team"),
    PageCase("order-cases-empty", lambda w: f"/orders/{w.ids['order_done']}/cases/", "team"),
    PageCase("review-cases", "/work/cases/", "guest"),
    PageCase("review-cases-empty", "/work/cases/", "newcomer"),
    PageCase("review-case", lambda w: f"/work/cases/{w.ids['case']}/", "guest"),
    PageCase("review-case-foreign", lambda w: f"/work/cases/{w.ids['case']}/", "newcomer", status=404),
    PageCase("staff-cases", "/staff/cases/", "staff"),
    PageCase("staff-cases-refused", "/staff/cases/", "team", status=404),
    PageCase("my-work", "/work/mine/", "person"),
    PageCase("my-work-empty", "/work/mine/", "newcomer"),
    PageCase("answer-rejected", lambda w: f"/work/mine/{w.ids['answer_rejected']}/", "person"),
    PageCase("answer-appealed", lambda w: f"/work/mine/{w.ids['answer_appealed']}/", "person"),
    PageCase("answer-foreign", lambda w: f"/work/mine/{w.ids['answer_rejected']}/", "buyer", status=404),
    PageCase("reviews", "/work/reviews/", "person"),
    PageCase("reviews-in-hand", "/work/reviews/", "guest"),
    PageCase("order-agreement", lambda w: f"/orders/{w.ids['order_done']}/agreement/", "team"),
    PageCase("order-agreement-foreign", lambda w: f"/orders/{w.ids['order_done']}/agreement/", "buyer", status=404),
    PageCase("order-appeals", lambda w: f"/orders/{w.ids['order_appealed']}/appeals/", "team"),
    PageCase("order-appeals-empty", lambda w: f"/orders/{w.ids['order_done']}/appeals/", "team"),
    PageCase("order-appeals-foreign", lambda w: f"/orders/{w.ids['order_appealed']}/appeals/", "buyer", status=404),
    PageCase("datasets", "/datasets/", "team"),
    PageCase("datasets-empty", "/datasets/", "newcomer"),
    PageCase("dataset", lambda w: f"/datasets/{w.ids['dataset']}/", "team"),
    PageCase("dataset-upload", "/datasets/new/", "team"),
    PageCase("dataset-diff", lambda w: f"/datasets/{w.ids['dataset']}/diff/", "team"),
    PageCase("dataset-derive", lambda w: f"/datasets/{w.ids['dataset']}/derive/", "team"),
    PageCase("dataset-remove", lambda w: f"/datasets/{w.ids['dataset']}/remove/", "team"),
    PageCase("knowledge", "/knowledge/", "team"),
    PageCase("knowledge-empty", "/knowledge/", "newcomer"),
    PageCase("knowledge-base", lambda w: f"/knowledge/{w.ids['knowledge_base']}/", "team"),
    PageCase("knowledge-base-empty", lambda w: f"/knowledge/{w.ids['empty_knowledge_base']}/", "team"),
    PageCase(
        "knowledge-answer", lambda w: f"/knowledge/{w.ids['knowledge_base']}/?q=How+long+does+a+refund+take", "team"
    ),
    PageCase("document", lambda w: f"/knowledge/{w.ids['knowledge_base']}/documents/{w.ids['document']}/", "team"),
    PageCase("training", "/training/", "team"),
    PageCase("training-empty", "/training/", "newcomer"),
    PageCase("training-new", "/training/new/", "team"),
    PageCase("training-new-without-data", "/training/new/", "newcomer"),
    PageCase("training-run", lambda w: f"/training/{w.ids['run']}/", "team"),
    PageCase("training-run-waiting", lambda w: f"/training/{w.ids['run_waiting']}/", "team"),
    PageCase("model", lambda w: f"/models/{w.ids['model']}/", "team"),
    PageCase("agents", "/agents/", "team"),
    PageCase("agents-empty", "/agents/", "newcomer"),
    PageCase("agent", lambda w: f"/agents/{w.ids['agent']}/", "team"),
    PageCase("agent-draft", lambda w: f"/agents/{w.ids['agent_draft']}/", "team"),
    PageCase("agent-edit", lambda w: f"/agents/{w.ids['agent_draft']}/edit/", "team"),
    PageCase("agent-chat", lambda w: f"/agents/{w.ids['agent']}/edit/?conversation={w.ids['conversation']}", "team"),
    PageCase("agent-public-own", lambda w: f"/a/{w.ids['agent_slug']}/", "team"),
    PageCase("agent-public-unlicensed", lambda w: f"/a/{w.ids['agent_slug']}/", "buyer", status=402),
    PageCase("earnings", "/earnings/", "person"),
    PageCase("earnings-empty", "/earnings/", "newcomer"),
    PageCase("earnings-guest", "/earnings/", "guest"),
    PageCase("earnings-for-tax", "/earnings/tax/", "person"),
    PageCase("earnings-for-tax-empty", "/earnings/tax/", "newcomer"),
    PageCase("wallet", "/accounts/wallet/", "person"),
    PageCase("wallet-none", "/accounts/wallet/", "newcomer"),
    PageCase("wallet-viewer", "/accounts/wallet/", "viewer"),
    PageCase("staff-payouts", "/staff/payouts/", "staff"),
    PageCase("staff-payouts-refused", "/staff/payouts/", "team", status=404),
    PageCase("withdrawal-to-approve", lambda w: f"/earnings/withdrawals/{w.ids['withdrawal_large']}/", "trader"),
    PageCase("withdrawal", lambda w: f"/earnings/withdrawals/{w.ids['withdrawal']}/", "person"),
    PageCase("statements", "/statements/", "person"),
    PageCase("statements-team", "/statements/", "team"),
    PageCase("statements-empty", "/statements/", "newcomer"),
    PageCase("statement", lambda w: f"/statements/{w.ids['earnings_account']}/", "person"),
    PageCase("movement", lambda w: f"/statements/transfers/{w.ids['earning']}/", "person"),
    PageCase("marketplace", "/marketplace/"),
    PageCase("marketplace-signed-in", "/marketplace/", "buyer"),
    PageCase("marketplace-nothing-found", "/marketplace/?q=zebra", "buyer"),
    PageCase("marketplace-buy", lambda w: f"/marketplace/listings/{w.ids['other_listing']}/buy/", "buyer"),
    PageCase("marketplace-buy-held", lambda w: f"/marketplace/listings/{w.ids['listing']}/buy/", "buyer"),
    PageCase("marketplace-buy-poor", lambda w: f"/marketplace/listings/{w.ids['listing']}/buy/", "empty_team"),
    PageCase("marketplace-offer", lambda w: f"/marketplace/assets/{w.ids['model_asset']}/offer/", "team"),
    PageCase("shares", lambda w: f"/marketplace/assets/{w.ids['model_asset']}/shares/", "team"),
    PageCase("shares-buyer", lambda w: f"/marketplace/assets/{w.ids['model_asset']}/shares/", "buyer"),
    PageCase("shares-visitor", lambda w: f"/marketplace/assets/{w.ids['model_asset']}/shares/"),
    PageCase("shares-none", lambda w: f"/marketplace/assets/{w.ids['agent_asset']}/shares/", "team"),
    PageCase("shares-foreign", lambda w: f"/marketplace/assets/{w.ids['draft_asset']}/shares/", "buyer", status=404),
    PageCase("licences", "/marketplace/licences/", "buyer"),
    PageCase("licences-empty", "/marketplace/licences/", "newcomer"),
    PageCase("sales", "/marketplace/sales/", "team"),
    PageCase("sales-empty", "/marketplace/sales/", "newcomer"),
]
