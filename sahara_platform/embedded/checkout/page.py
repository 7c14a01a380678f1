"""The hosted payment page."""

from __future__ import annotations

from html import escape
from pathlib import Path

from sahara_platform.embedded.checkout.sessions import Session

STYLE = Path(__file__).with_suffix(".css").read_text()
_ZERO_DECIMAL = {"jpy", "krw", "vnd", "clp"}


def amount(session: Session) -> str:
    """The total in the currency's usual form."""
    minor, currency = int(session["amount_total"]), str(session["currency"])
    if currency in _ZERO_DECIMAL:
        return f"{minor:,} {currency.upper()}"
    whole = f"{minor // 100:,}.{minor % 100:02d}"
    return f"${whole}" if currency == "usd" else f"{whole} {currency.upper()}"


def form(session: Session, error: str = "", email: str = "") -> str:
    """The card form."""
    problem = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    cancel = session.get("cancel_url")
    back = f'<p><a href="{escape(cancel)}">Cancel and go back</a></p>' if cancel else ""
    address = escape(email or session.get("customer_email") or "")
    return _document(
        f"Pay {amount(session)}",
        f"""<h1>{escape(session["description"])}</h1>
<p class="amount">{escape(amount(session))}</p>
{problem}
<form method="post">
<label>E-mail <input type="email" name="email" autocomplete="email" value="{address}"></label>
<label>Card number
<input name="number" inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242" required></label>
<div class="row">
<label>Month <input name="exp_month" inputmode="numeric" autocomplete="cc-exp-month" placeholder="12" required></label>
<label>Year <input name="exp_year" inputmode="numeric" autocomplete="cc-exp-year" placeholder="2030" required></label>
<label>CVC <input name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" required></label>
</div>
<button>Pay {escape(amount(session))}</button>
</form>
{back}
<p class="note">Development stand-in for Stripe Checkout: no real money moves. 4242 4242 4242 4242 pays,
4000 0000 0000 0002 is declined.</p>""",
    )


def closed(session: Session) -> str:
    """What a session that can no longer be paid shows."""
    words = "This payment was already made." if session["status"] == "complete" else "This payment page has expired."
    return _document(words, f"<h1>{words}</h1>{_way_back(session)}")


def _way_back(session: Session) -> str:
    back = session.get("cancel_url")
    return f'<p><a href="{escape(back)}">Go back</a></p>' if back else ""


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/checkout.css"></head><body><main>{body}</main></body></html>'
    )
