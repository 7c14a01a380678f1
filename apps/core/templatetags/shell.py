"""The frame of every page: ``{% load shell %}``. Only templates/core/ uses it."""

from __future__ import annotations

from django import template
from django.template import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.templatetags.ui import icon

register = template.Library()


@register.simple_tag(takes_context=True)
def nav_item(context: RequestContext, url: str, label: str, icon_name: str) -> SafeString:
    """A link of a navigation, marked when the page shown is at or below it."""
    request = context.get("request")
    path = request.path if request is not None else ""
    current = format_html(' aria-current="{}"', "page" if path == url else "true") if path.startswith(url) else ""
    return format_html('<a href="{}"{}>{}<span>{}</span></a>', url, current, icon(icon_name), label)
