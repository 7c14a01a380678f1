"""API of the chain's side: how the bridge is, where the contracts are, what became of the organisation's calls."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.onchain import selectors
from apps.onchain.models import ChainIntent
from apps.tenancy.actors import actor_of


class IntentSerializer(serializers.Serializer[ChainIntent]):
    """A call that was asked for, and its transaction."""

    def to_representation(self, instance: ChainIntent) -> dict[str, Any]:
        info = selectors.intent_info(instance)
        return {
            "id": str(info.id),
            "kind": info.kind,
            "contract": info.contract,
            "function": info.function,
            "state": info.state.value,
            "reason": info.reason,
            "tx_hash": info.tx_hash,
            "block_number": info.block_number,
            "created_at": info.created_at.isoformat(),
        }


class ChainView(APIView):
    """The chain that the platform writes to: id, contracts, depth at which things count, state of the bridge."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        state = selectors.chain_status()
        return Response(
            {
                "chain_id": state.chain_id,
                "contracts": selectors.contract_addresses(),
                "confirmations": state.confirmations,
                "head_block": state.head_block,
                "indexed_block": state.indexed_block,
                "healthy": state.healthy,
                "message": state.message,
                "queued": state.queued,
                "in_flight": state.in_flight,
            }
        )


class IntentListView(generics.ListAPIView[ChainIntent]):
    """The organisation's calls of contracts, newest first."""

    serializer_class = IntentSerializer

    def get_queryset(self) -> Any:
        return selectors.intents_of(actor_of(self.request))
