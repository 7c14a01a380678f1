"""API of the ledger: balances, transfers, and the public proof that the books balance."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import InvalidInput
from apps.ledger import selectors
from apps.ledger.models import Account, Transfer
from apps.ledger.queries import StatementQuery
from apps.ledger.types import AccountKind, Explanation, StatementLine, amount_of
from apps.tenancy.actors import actor_of


class AccountSerializer(serializers.Serializer[Account]):
    """An account with its balance."""

    def to_representation(self, instance: Account) -> dict[str, Any]:
        return {
            "id": str(instance.id),
            "kind": instance.kind,
            "reference": instance.reference,
            "posted": amount_of(instance.posted, instance.currency).as_json(),
            "held": amount_of(instance.held, instance.currency).as_json(),
            "available": amount_of(instance.posted - instance.held, instance.currency).as_json(),
        }


class TransferSerializer(serializers.Serializer[Transfer]):
    """A transfer as the caller's organisation sees it."""

    def to_representation(self, instance: Transfer) -> dict[str, Any]:
        organisation_id = self.context["organisation_id"]
        return _line_json(selectors.statement_line(instance, organisation_id))


def _line_json(line: StatementLine) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": str(line.id),
        "amount": line.amount.as_json(),
        "direction": "in" if line.incoming else "out",
        "reason": line.reason,
        "source": {"type": line.source.type, "id": line.source.id, "detail": line.source.detail},
        "counterparty_id": str(line.counterparty_id) if line.counterparty_id else None,
        "created_at": line.created_at.isoformat(),
    }
    if line.balance is not None:
        found |= {"number": line.sequence, "balance": line.balance.as_json()}
    return found


class AccountListView(generics.ListAPIView[Account]):
    """The accounts of the organisation."""

    serializer_class = AccountSerializer
    pagination_class = None

    def get_queryset(self) -> Any:
        return selectors.accounts(actor_of(self.request))


class TransferListView(generics.ListAPIView[Transfer]):
    """The transfers of the organisation, newest first; `?kind=` and `?currency=` narrow it down."""

    serializer_class = TransferSerializer

    def get_queryset(self) -> Any:
        kind = self.request.query_params.get("kind")
        if kind is not None and kind not in AccountKind.values:
            message = f"kind is one of {', '.join(AccountKind.values)}."
            raise InvalidInput("kind_unknown", message, errors=[{"field": "kind", "message": message}])
        return selectors.transfers(
            actor_of(self.request),
            kind=AccountKind(kind) if kind else None,
            currency=self.request.query_params.get("currency"),
        )

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "organisation_id": actor_of(self.request).organisation_id}


class StatementView(APIView):
    """One account's transfers, newest first, with the balance after each; `next` is the `cursor` of the next page."""

    @extend_schema(
        parameters=[
            OpenApiParameter("from", str, description="first day (UTC), like 2026-11-22"),
            OpenApiParameter("to", str, description="last day (UTC)"),
            OpenApiParameter("cursor", int, description="the `next` of the page before"),
            OpenApiParameter("limit", int, description="lines, 1 to 100"),
        ],
        responses={200: {"type": "object"}},
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        query = StatementQuery.read(request.query_params)
        page = selectors.account_statement(
            actor_of(request),
            account_id,
            before=query.before,
            limit=query.limit,
            since=query.since,
            until=query.until,
        )
        return Response({"results": [_line_json(line) for line in page.lines], "next": page.next})


class TransferView(APIView):
    """Why a transfer was made: its cause and rule, who the other side is, and, of earnings, what paid them out."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request, transfer_id: UUID) -> Response:
        return Response(_explanation_json(selectors.explanation(actor_of(request), transfer_id)))


def _explanation_json(found: Explanation) -> dict[str, Any]:
    return {
        **_line_json(found.line),
        "counterparty": found.counterparty,
        "facts": [{"name": name, "value": value} for name, value in found.facts.lines],
        "url": found.facts.url,
        "uses": [
            {
                "transfer_id": str(use.share.transfer_id),
                "amount": use.amount.as_json(),
                "reason": use.share.reason,
                "source": {"type": use.share.source.type, "id": use.share.source.id},
                "facts": [{"name": name, "value": value} for name, value in use.facts.lines],
                "url": use.facts.url,
                "tx_hash": use.tx_hash or None,
                "block_number": use.block_number,
                "created_at": use.share.created_at.isoformat(),
            }
            for use in found.uses
        ],
        "left": found.left.as_json() if found.left is not None else None,
    }


class TrialBalanceView(APIView):
    """The sum over all accounts of the platform by currency (0 in a sound ledger), and a replay of the books."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        differences = selectors.replay_differences()
        return Response(
            {
                "sums": {currency: str(units) for currency, units in selectors.trial_balance().items()},
                "accounts_that_differ_from_their_transfers": [str(account_id) for account_id, _, _ in differences],
            }
        )
