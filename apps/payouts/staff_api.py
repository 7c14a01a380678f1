"""API of the platform's staff: approve, reject, freeze, take back what nobody claims."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.payouts import oversight, services
from apps.payouts.api import WithdrawalSerializer, withdrawal_json
from apps.tenancy.actors import actor_of

MAX_REASON = 500


class ReasonSerializer(serializers.Serializer[Any]):
    """What the payee reads."""

    reason = serializers.CharField(max_length=MAX_REASON)


class FreezeSerializer(ReasonSerializer):
    """Whose withdrawals are stopped, and why."""

    organisation_id = serializers.UUIDField()


class QueueView(APIView):
    """Withdrawals that wait for approval, oldest first."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        return Response(
            {
                "results": [
                    {
                        **withdrawal_json(queued.withdrawal),
                        "organisation_id": str(queued.withdrawal.organisation_id),
                        "organisation": queued.organisation,
                        "requested_by": queued.requested_by,
                        "approvals_missing": queued.approvals_missing,
                        "frozen": queued.frozen,
                    }
                    for queued in oversight.approval_queue(actor_of(request))
                ]
            }
        )


class ApproveView(APIView):
    """Approve a withdrawal; above the second threshold two people do."""

    @extend_schema(request=None, responses=WithdrawalSerializer)
    def post(self, request: Request, withdrawal_id: UUID) -> Response:
        made = services.approve_withdrawal(actor=actor_of(request), withdrawal_id=withdrawal_id)
        return Response(withdrawal_json(made))


class RejectView(APIView):
    """Reject a withdrawal with a reason; the money is earnings again."""

    @extend_schema(request=ReasonSerializer, responses=WithdrawalSerializer)
    def post(self, request: Request, withdrawal_id: UUID) -> Response:
        data = ReasonSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = services.reject_withdrawal(
            actor=actor_of(request), withdrawal_id=withdrawal_id, reason=data.validated_data["reason"]
        )
        return Response(withdrawal_json(made))


class PayeeSerializer(serializers.Serializer[Any]):
    """The address whose unclaimed money is taken back."""

    payee = serializers.CharField(max_length=42)


class RecoveryListView(APIView):
    """Payees with money unclaimed for too long; POST announces on chain that one's is taken back."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        return Response(
            {
                "results": [
                    {
                        "payee": row.payee,
                        "distributor": row.distributor,
                        "organisations": row.organisations,
                        "amount": row.amount.as_json(),
                        "since": row.since.isoformat(),
                        "state": row.state,
                        "recoverable_at": row.recoverable_at.isoformat() if row.recoverable_at else None,
                    }
                    for row in oversight.unclaimed(actor_of(request))
                ]
            }
        )

    @extend_schema(request=PayeeSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        data = PayeeSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.announce_recovery(actor=actor_of(request), payee=data.validated_data["payee"])
        return Response(status=status.HTTP_202_ACCEPTED)


class RecoverView(APIView):
    """Take a payee's unclaimed money back to its earnings, once the announced delay is over."""

    @extend_schema(request=PayeeSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        data = PayeeSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.recover_unclaimed(actor=actor_of(request), payee=data.validated_data["payee"])
        return Response(status=status.HTTP_202_ACCEPTED)


class AdoptRootView(APIView):
    """Go on from the root that is in force on chain, where it is another than the platform published last."""

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request) -> Response:
        services.adopt_root(actor=actor_of(request))
        return Response(status=status.HTTP_202_ACCEPTED)


class FreezeListView(APIView):
    """The organisations whose withdrawals are stopped; POST stops one."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        return Response(
            {
                "results": [
                    {
                        "organisation_id": str(row.freeze.organisation_id),
                        "organisation": row.organisation,
                        "reason": row.freeze.reason,
                        "since": row.freeze.since.isoformat(),
                        "waiting": row.waiting.as_json(),
                    }
                    for row in oversight.freezes(actor_of(request))
                ]
            }
        )

    @extend_schema(request=FreezeSerializer, responses={201: None})
    def post(self, request: Request) -> Response:
        data = FreezeSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.freeze_payouts(actor=actor_of(request), **data.validated_data)
        return Response(status=status.HTTP_201_CREATED)


class FreezeView(APIView):
    """One stop; DELETE lifts it."""

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, organisation_id: UUID) -> Response:
        services.unfreeze_payouts(actor=actor_of(request), organisation_id=organisation_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
