"""The ASGI application: HTTP by Django, WebSockets by Channels."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sahara_platform.settings")
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  # Django is set up first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from apps.accounts.channels import ActorChannelMiddleware  # noqa: E402
from apps.core.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(
                ActorChannelMiddleware(URLRouter(websocket_urlpatterns))  # type: ignore[arg-type]  # stubs know only `path`
            )
        ),
    }
)
