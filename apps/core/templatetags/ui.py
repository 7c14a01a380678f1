"""The design system's parts as template tags: ``{% load ui %}``. docs/guides/front-end.md shows each of them."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import uuid4

from django import template
from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    FileInput,
    RadioSelect,
    Select,
    Textarea,
)
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Words that states are called in the whole platform, by the feeling they carry. A word that is not here is neutral.
STATUS_TONES = {
    "success": {
        "accepted", "active", "available", "claimed", "completed", "confirmed", "done", "finalised", "finished",
        "healthy", "listed", "live", "paid", "published", "ready", "released", "settled", "succeeded",
    },
    "info": {"building", "indexing", "labelling", "processing", "queued", "running", "sending", "started", "submitted"},
    "warning": {"awaiting_funds", "cancelling", "draft", "expiring", "held", "paused", "pending", "review", "waiting"},
    "error": {"cancelled", "dead", "expired", "failed", "rejected", "revoked", "refused", "suspended"},
}  # fmt: skip
TONE_OF_STATUS = {word: tone for tone, words in STATUS_TONES.items() for word in words}

WIDGET_CLASSES: tuple[tuple[type, str], ...] = (
    (CheckboxSelectMultiple, "checkbox"),
    (RadioSelect, "radio"),
    (CheckboxInput, "checkbox"),
    (FileInput, "file-input w-full"),
    (Select, "select w-full"),
    (Textarea, "textarea w-full"),
)


@cache
def _icon_shapes(name: str) -> SafeString:
    # The icons are the repository's own files.
    return mark_safe(render_to_string(f"core/icons/{name}.svg").strip())  # noqa: S308


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """Draw an icon. Decorative unless it has a label."""
    role: SafeString = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon {}" viewBox="0 0 24 24" {}>{}</svg>', css, role, _icon_shapes(name))


@register.simple_block_tag
def page_header(content: str, title: str, lead: str = "") -> SafeString:
    """The page's only h1, a sentence about it, and its actions as content."""
    return _part("page_header", title=title, lead=lead, actions=_trimmed(content))


@register.simple_block_tag
def empty_state(content: str, title: str, text: str, icon_name: str = "inbox") -> SafeString:
    """What a list shows while it has nothing: what to do first, with the button as content."""
    return _part("empty_state", title=title, text=text, icon_name=icon_name, actions=_trimmed(content))


@register.simple_block_tag
def table_region(content: str, label: str) -> SafeString:
    """A named region that scrolls sideways by itself, so that the page does not."""
    return _part("table_region", label=label, content=content)


@register.simple_block_tag
def panel(content: str, title: str = "") -> SafeString:
    """A framed section with an optional h2."""
    return _part("panel", title=title, content=content)


@register.simple_tag
def stat(label: str, value: object, hint: str = "", url: str = "") -> SafeString:
    """One figure with its name, and the page behind it. Put several into ``<dl class="stat-row">``."""
    return _part("stat", label=label, value=value, hint=hint, url=url)


@register.simple_tag
def progress(value: float, maximum: float = 100, label: str = "Progress", note: str = "") -> SafeString:
    """A progress bar with its name, its percentage and an optional note such as the time left."""
    percent = min(100, max(0, round(100 * float(value) / float(maximum)))) if maximum else 0
    return _part("progress", percent=percent, label=label, note=note)


@register.simple_tag
def status_badge(status: object, text: str = "") -> SafeString:
    """A state as a badge; the colour follows from the word."""
    word = str(getattr(status, "value", status))
    shown = text or word.replace("_", " ")
    return _part("status_badge", tone=TONE_OF_STATUS.get(word.lower(), "neutral"), text=shown)


@register.simple_tag
def breadcrumb(*parts: str) -> SafeString:
    """``{% breadcrumb "Datasets" "/datasets/" dataset.name %}``: name and address in turn, the last one bare."""
    trail = [(parts[index], parts[index + 1]) for index in range(0, len(parts) - 1, 2)]
    return _part("breadcrumb", trail=trail, here=parts[-1])


@register.simple_tag
def copy_snippet(text: str, label: str) -> SafeString:
    """Code or an id with a copy button. ``label`` says what is copied."""
    return _part("copy_snippet", text=text, label=label, element_id=f"snippet-{uuid4().hex[:8]}")


@register.simple_tag
def pagination(next_url: str | None, previous_url: str | None = None) -> SafeString:
    """Links to the neighbouring cursor pages; nothing when there are none."""
    return _part("pagination", next_url=next_url, previous_url=previous_url)


@register.simple_tag
def field(bound: BoundField, label: str = "", help_text: str = "") -> SafeString:
    """A form field with label, help and errors, wired for screen readers."""
    widget = bound.field.widget
    css = next((css for kind, css in WIDGET_CLASSES if isinstance(widget, kind)), "input w-full")
    errors = list(bound.errors)
    attrs: dict[str, Any] = {"class": f"{css} {widget.attrs.get('class', '')}".strip()}
    described = [f"{bound.auto_id}-help"] if help_text or bound.help_text else []
    if errors:
        attrs["aria-invalid"] = "true"
        described.append(f"{bound.auto_id}-errors")
    attrs["aria-describedby"] = " ".join(described) or None
    attrs = {key: value for key, value in attrs.items() if value is not None}
    if bound.form.__class__.__module__.startswith("allauth."):
        # allauth repeats each label as the placeholder.
        widget.attrs.pop("placeholder", None)
    is_choice_group = isinstance(widget, (RadioSelect, CheckboxSelectMultiple))
    if is_choice_group:
        # The template draws each option by itself; the options take their attributes from the widget.
        widget.attrs |= attrs
    return _part(
        "field",
        bound=bound,
        control="" if is_choice_group else bound.as_widget(attrs=attrs),
        label=label or bound.label,
        help_text=help_text or bound.help_text,
        errors=errors,
        is_choice_group=is_choice_group,
        is_checkbox=isinstance(widget, CheckboxInput) and not isinstance(widget, CheckboxSelectMultiple),
    )


def _trimmed(content: str) -> SafeString:
    # A block's content was rendered, and so escaped, by the template engine; strip() alone would forget that.
    return mark_safe(content.strip())  # noqa: S308


def _part(name: str, **context: object) -> SafeString:
    return render_to_string(f"core/partials/{name}.html", context)
