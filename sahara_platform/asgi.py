"""The ASGI application: HTTP by Django, WebSockets by Channels."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sahara_platform.settings")
django.setup()

from channels.auth import AuthMiddlewareStack  # noqa: E402  # Django is set up first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from apps.accounts.channels import ActorChannelMiddleware  # noqa: E402
from apps.agents.routing import websocket_urlpatterns as chat_urlpatterns  # noqa: E402
from apps.agents.servers.mount import AgentProtocols  # noqa: E402
from apps.core.routing import websocket_urlpatterns  # noqa: E402
from sahara_platform.handler import Handler  # noqa: E402

http = AgentProtocols(Handler())

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(
                ActorChannelMiddleware(URLRouter([*websocket_urlpatterns, *chat_urlpatterns]))  # type: ignore[list-item]  # stubs know only `path`
            )
        ),
    }
)
