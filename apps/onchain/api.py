"""API of the chain's side: how the bridge is, where the contracts are, what became of the organisation's calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.onchain import selectors
from apps.onchain.models import ChainIntent
from apps.onchain.types import LaneStatus, NodeStatus, ReconciliationInfo
from apps.tenancy.actors import actor_of
from apps.tenancy.policies import require_staff


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


class StaffChainView(APIView):
    """For the platform's staff (404 for others): signers, nodes, head, and the last comparison with the chain."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        require_staff(actor_of(request))
        state = selectors.chain_status()
        last = selectors.latest_reconciliation()
        return Response(
            {
                "chain_id": state.chain_id,
                "healthy": state.healthy,
                "message": state.message,
                "head_block": state.head_block,
                "head_at": _iso(state.head_at),
                "indexed_block": state.indexed_block,
                "verified_block": state.verified_block,
                "gaps_filled": state.gaps_filled,
                "beat_at": _iso(state.beat_at),
                "lanes": [_lane(lane) for lane in selectors.lanes()],
                "nodes": [_node(node) for node in selectors.nodes()],
                "reconciliation": _reconciliation(last) if last is not None else None,
            }
        )


def _lane(lane: LaneStatus) -> dict[str, Any]:
    return {
        "name": lane.name,
        "address": lane.address,
        "next_nonce": lane.next_nonce,
        "queued": lane.queued,
        "in_flight": lane.in_flight,
        "balance_wei": _text(lane.balance_wei),
        "highest_fee_wei": _text(lane.highest_fee_wei),
        "problem": lane.problem,
        "problem_since": _iso(lane.problem_since),
    }


def _node(node: NodeStatus) -> dict[str, Any]:
    return {
        "label": node.label,
        "head_block": node.head_block,
        "lag": node.lag,
        "condition": node.condition,
        "message": node.message,
        "checked_at": _iso(node.checked_at),
    }


def _reconciliation(info: ReconciliationInfo) -> dict[str, Any]:
    return {
        "started_at": _iso(info.started_at),
        "finished_at": _iso(info.finished_at),
        "block": info.block,
        "agrees": info.agrees,
        "checks": info.checks,
        "differences": info.differences,
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None


def _text(amount: int | None) -> str | None:
    return str(amount) if amount is not None else None
