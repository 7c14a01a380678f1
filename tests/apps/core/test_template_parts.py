"""The template parts: what they escape, name and mark."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory


def render(source: str, **context: Any) -> str:
    return Template("{% load ui shell money %}" + source).render(Context(context))


class ContactForm(forms.Form):
    email = forms.EmailField(help_text="Work address")
    agree = forms.BooleanField(required=False)
    size = forms.ChoiceField(choices=[("s", "Small")], widget=forms.RadioSelect)


def test_block_parts_keep_markup_and_escape_values() -> None:
    html = render('{% page_header title %}<a href="/x/">Go</a>{% endpage_header %}', title="<b>T</b>")
    assert '<a href="/x/">Go</a>' in html
    assert "<h1>&lt;b&gt;T&lt;/b&gt;</h1>" in html


def test_a_table_region_can_be_scrolled_by_keyboard_and_has_a_name() -> None:
    html = render('{% table_region "Orders" %}<table></table>{% endtable_region %}')
    assert 'role="region" aria-label="Orders" tabindex="0"' in html


def test_a_field_with_errors_points_at_help_and_errors() -> None:
    html = render("{% field form.email %}", form=ContactForm({"email": "nobody"}))
    assert 'aria-describedby="id_email-help id_email-errors"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_email-errors"' in html


def test_a_choice_group_is_a_fieldset() -> None:
    html = render("{% field form.size %}", form=ContactForm())
    assert "<fieldset" in html
    assert "<legend" in html


@pytest.mark.parametrize(
    ("status", "tone"), [("running", "info"), ("failed", "error"), ("released", "success"), ("odd", "neutral")]
)
def test_a_status_has_the_tone_of_its_word(status: str, tone: str) -> None:
    assert f'data-tone="{tone}"' in render("{% status_badge status %}", status=status)


def test_progress_stays_within_its_bounds() -> None:
    assert 'value="100"' in render("{% progress 7 5 %}")
    assert 'value="0"' in render("{% progress 3 0 %}")


def test_a_navigation_item_is_current_at_and_below_its_page() -> None:
    source = '{% nav_item "/orders/" "Orders" "orders" %}'
    factory = RequestFactory()
    assert 'aria-current="page"' in render(source, request=factory.get("/orders/"))
    assert 'aria-current="true"' in render(source, request=factory.get("/orders/1/"))
    assert "aria-current" not in render(source, request=factory.get("/datasets/"))


def test_no_amount_is_a_dash() -> None:
    assert render("{{ nothing|money }}", nothing=None) == "—"
