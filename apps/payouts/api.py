"""API of earnings, withdrawals, payout rounds and their reconciliation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import idempotency
from apps.core.money import Money
from apps.payouts import selectors, services, tax, tree
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.reconciliation import reconcile
from apps.payouts.types import CURRENCY, EpochInfo, WithdrawalInfo
from apps.tenancy.actors import actor_of

MAX_AMOUNT_MINOR = 10**15


class WithdrawalRequest(serializers.Serializer[Any]):
    """What to withdraw, in cents."""

    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_AMOUNT_MINOR)


class WithdrawalSerializer(serializers.Serializer[Withdrawal]):
    """A withdrawal with its state and, once paid, its transaction."""

    def to_representation(self, instance: Withdrawal) -> dict[str, Any]:
        return withdrawal_json(selectors.withdrawal_info(instance))


class EpochSerializer(serializers.Serializer[Epoch]):
    """A payout round."""

    def to_representation(self, instance: Epoch) -> dict[str, Any]:
        return epoch_json(selectors.epoch_info(instance))


class EarningsView(APIView):
    """What can be withdrawn, what is on its way, and where it goes."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        summary = selectors.earnings_summary(actor_of(request))
        return Response(
            {
                "available": summary.available.as_json(),
                "pending": summary.pending.as_json(),
                "withdrawn": summary.withdrawn.as_json(),
                "minimum": summary.minimum.as_json(),
                "wallet": summary.wallet,
                "next_payout": summary.next_payout,
                "frozen": summary.frozen.reason if summary.frozen else None,
            }
        )


class WithdrawalListView(generics.ListAPIView[Withdrawal]):
    """The organisation's withdrawals, newest first; POST makes one."""

    serializer_class = WithdrawalSerializer

    def get_queryset(self) -> Any:
        return selectors.withdrawals(actor_of(self.request))

    @extend_schema(request=WithdrawalRequest, responses={201: WithdrawalSerializer})
    def post(self, request: Request) -> Response:
        wanted = WithdrawalRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        amount = Money(wanted.validated_data["amount_minor"], CURRENCY)
        key = request.headers.get(idempotency.HEADER, "")
        made = services.request_withdrawal(actor=actor_of(request), amount=amount, idempotency_key=key)
        return Response(withdrawal_json(made), status=status.HTTP_201_CREATED)


class WithdrawalView(APIView):
    """One withdrawal."""

    @extend_schema(responses=WithdrawalSerializer)
    def get(self, request: Request, withdrawal_id: UUID) -> Response:
        return Response(withdrawal_json(selectors.withdrawal(actor_of(request), withdrawal_id)))


class WithdrawalProofView(APIView):
    """The Merkle proof with which anyone can have the withdrawal paid on chain."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request, withdrawal_id: UUID) -> Response:
        return Response(tree.claim_proof(actor_of(request), withdrawal_id).as_json())


class WithdrawalClaimView(APIView):
    """Claim again, after an automatic claim failed."""

    @extend_schema(request=None, responses={202: WithdrawalSerializer})
    def post(self, request: Request, withdrawal_id: UUID) -> Response:
        claimed = services.claim_again(actor=actor_of(request), withdrawal_id=withdrawal_id)
        return Response(withdrawal_json(claimed), status=status.HTTP_202_ACCEPTED)


class WithdrawalCancelView(APIView):
    """Call off a withdrawal that is in no payout round yet; the money is earnings again."""

    @extend_schema(request=None, responses=WithdrawalSerializer)
    def post(self, request: Request, withdrawal_id: UUID) -> Response:
        cancelled = services.cancel_withdrawal(actor=actor_of(request), withdrawal_id=withdrawal_id)
        return Response(withdrawal_json(cancelled))


class TaxReportView(APIView):
    """Totals of a calendar year (UTC), as in the file for tax (`/earnings/tax-<year>.csv`)."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request, year: int) -> Response:
        report = tax.report(actor_of(request), year)
        return Response(
            {
                "year": report.year,
                "gross": report.gross.as_json(),
                "withdrawn": report.withdrawn.as_json(),
                "lines": [line.as_json() for line in report.lines],
            }
        )


class EpochListView(generics.ListAPIView[Epoch]):
    """All payout rounds, newest first; POST (the platform's staff) publishes one now, 204 when nothing waits."""

    serializer_class = EpochSerializer

    def get_queryset(self) -> Any:
        return selectors.epochs()

    @extend_schema(request=None, responses={201: EpochSerializer, 204: None})
    def post(self, request: Request) -> Response:
        made = services.publish_epoch(actor=actor_of(request))
        if made is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(epoch_json(made), status=status.HTTP_201_CREATED)


class EpochView(APIView):
    """One payout round."""

    @extend_schema(responses=EpochSerializer)
    def get(self, request: Request, epoch_id: UUID) -> Response:
        return Response(epoch_json(selectors.epoch(epoch_id)))


class ReconciliationView(APIView):
    """Ledger and chain compared to the unit: totals only, so that everyone can check the platform."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        result = reconcile()
        return Response(
            {
                "agrees": result.agrees,
                "ledger_payable_raw": str(result.payable),
                "ledger_paid_out_raw": str(result.paid_out),
                "published_on_chain_raw": str(result.published_on_chain),
                "claimed_on_chain_raw": str(result.claimed_on_chain),
                "differences": [
                    {
                        "what": difference.what,
                        "expected_raw": str(difference.expected),
                        "found_raw": str(difference.found),
                    }
                    for difference in result.differences
                ],
            }
        )


def withdrawal_json(info: WithdrawalInfo) -> dict[str, Any]:
    """A withdrawal for the API."""
    return {
        "id": str(info.id),
        "amount": info.amount.as_json(),
        "tokens": info.tokens.as_json(),
        "address": info.address,
        "state": info.state.value,
        "epoch_id": str(info.epoch_id) if info.epoch_id else None,
        "epoch": info.epoch_number,
        "tx_hash": info.tx_hash or None,
        "block_number": info.block_number,
        "claim_problem": info.claim_problem,
        "created_at": info.created_at.isoformat(),
        "approvals_needed": info.approvals_needed,
        "reason": info.reason,
        "claimed_at": info.claimed_at.isoformat() if info.claimed_at else None,
    }


def epoch_json(info: EpochInfo) -> dict[str, Any]:
    """An epoch for the API."""
    return {
        "id": str(info.id),
        "number": info.number,
        "state": info.state.value,
        "distributor": info.distributor,
        "previous_root": info.previous_root,
        "root": info.root,
        "payees": info.payees,
        "added": info.added.as_json(),
        "cumulative_total": info.cumulative_total.as_json(),
        "tx_hash": info.tx_hash or None,
        "block_number": info.block_number,
        "reason": info.reason,
        "created_at": info.created_at.isoformat(),
    }
