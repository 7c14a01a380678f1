"""API of the ledger: balances, transfers, and the public proof that the books balance."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import InvalidInput
from apps.ledger import selectors
from apps.ledger.models import Account, Transfer
from apps.ledger.types import AccountKind, amount_of
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
        line = selectors.statement_line(instance, organisation_id)
        return {
            "id": str(line.id),
            "amount": line.amount.as_json(),
            "direction": "in" if line.incoming else "out",
            "reason": line.reason,
            "source": {"type": line.source.type, "id": line.source.id, "detail": line.source.detail},
            "counterparty_id": str(line.counterparty_id),
            "created_at": line.created_at.isoformat(),
        }


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
