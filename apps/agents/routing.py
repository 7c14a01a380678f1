"""WebSocket routes of agents."""

from __future__ import annotations

from django.urls import path

from apps.agents.chat_socket import ChatConsumer

websocket_urlpatterns = [
    path("ws/chat/", ChatConsumer.as_asgi()),  # type: ignore[arg-type]  # Channels routes ASGI applications
]
