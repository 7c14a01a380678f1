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
    """The card form; a hosted invoice is paid with the same."""
    problem = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    cancel = session.get("cancel_url")
    back = f'<p><a href="{escape(cancel)}">Cancel and go back</a></p>' if cancel else ""
    address = escape(email or session.get("customer_email") or "")
    verb = "Save this card" if session.get("mode") == "setup" else f"Pay {amount(session)}"
    return _document(
        verb,
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
<button>{escape(verb)}</button>
</form>
{back}
<p class="note">Development stand-in for Stripe Checkout: no real money moves. 4242 4242 4242 4242 pays,
4000 0000 0000 0002 is declined, 4000 0025 0000 3155 asks for 3-D Secure, 4000 0000 0000 0259 is disputed.</p>""",
    )


def authentication(session: Session) -> str:
    """The bank's question of 3-D Secure."""
    return _document(
        "Confirm this payment",
        f"""<h1>Your bank asks: is it you?</h1>
<p class="amount">{escape(amount(session))}</p>
<form method="post" action="/c/pay/{escape(session["id"])}/authenticate">
<button name="success" value="1">Yes, pay</button>
<button name="success" value="0">No</button>
</form>""",
    )


def closed(session: Session) -> str:
    """What a session that can no longer be paid shows."""
    words = "This payment was already made." if session["status"] == "complete" else "This payment page has expired."
    return _document(words, f"<h1>{words}</h1>{_way_back(session)}")


def receipt(invoice: Session) -> bytes:
    """An invoice as a one-page PDF: its number and its amount."""
    total = amount({**invoice, "amount_total": max(0, invoice["total"])})
    words = f"Invoice {invoice['number']}   {total}   {invoice['status']}"
    content = f"BT /F1 16 Tf 60 760 Td ({words}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(out))
    )


def _way_back(session: Session) -> str:
    back = session.get("cancel_url")
    return f'<p><a href="{escape(back)}">Go back</a></p>' if back else ""


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/checkout.css"></head><body><main>{body}</main></body></html>'
    )
