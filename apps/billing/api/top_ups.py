"""API of billing: top-ups, refunds, the prepaid balance; and the processor's webhook."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.billing import selectors, services
from apps.billing.errors import SignatureRefused
from apps.billing.models import TopUp
from apps.billing.types import CANCEL_PATH, CURRENCY, RETURN_PATH, RefundInfo, TopUpInfo
from apps.core.money import Money
from apps.core.problems import CONTENT_TYPE, problem
from apps.tenancy.actors import actor_of


class NewTopUpSerializer(serializers.Serializer[Any]):
    """What to prepay. The URLs are where the payer returns to; by default the billing page."""

    amount_minor = serializers.RegexField(r"^[0-9]{1,12}$", help_text="minor units, as a string")
    currency = serializers.ChoiceField(choices=[CURRENCY], default=CURRENCY)
    success_url = serializers.URLField(required=False, max_length=2000)
    cancel_url = serializers.URLField(required=False, max_length=2000)


class NewRefundSerializer(serializers.Serializer[Any]):
    """How much to send back; everything refundable where left out."""

    amount_minor = serializers.RegexField(r"^[0-9]{1,12}$", required=False, help_text="minor units, as a string")


class TopUpSerializer(serializers.Serializer[Any]):
    """A top-up."""

    def to_representation(self, instance: TopUp | TopUpInfo) -> dict[str, Any]:
        info = instance if isinstance(instance, TopUpInfo) else selectors.top_up_info(instance)
        return {
            "id": str(info.id),
            "amount": info.amount.as_json(),
            "state": info.state,
            "checkout_url": info.checkout_url or None,
            "refunded": info.refunded.as_json(),
            "created_at": info.created_at.isoformat(),
            "paid_at": info.paid_at.isoformat() if info.paid_at else None,
        }


class RefundSerializer(serializers.Serializer[Any]):
    """A refund."""

    def to_representation(self, instance: RefundInfo) -> dict[str, Any]:
        return {
            "id": str(instance.id),
            "top_up_id": str(instance.top_up_id),
            "amount": instance.amount.as_json(),
            "state": instance.state,
            "created_at": instance.created_at.isoformat(),
        }


class TopUpListView(generics.ListAPIView[TopUp]):
    """The organisation's top-ups, newest first; POST opens a payment page."""

    serializer_class = TopUpSerializer

    def get_queryset(self) -> Any:
        return selectors.top_ups(actor_of(self.request))

    @extend_schema(request=NewTopUpSerializer, responses={201: TopUpSerializer})
    def post(self, request: Request) -> Response:
        data = NewTopUpSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        made = services.start_top_up(
            actor=actor_of(request),
            amount=Money(int(wanted["amount_minor"]), wanted["currency"]),
            success_url=wanted.get("success_url", settings.PUBLIC_URL + RETURN_PATH),
            cancel_url=wanted.get("cancel_url", settings.PUBLIC_URL + CANCEL_PATH),
        )
        return Response(TopUpSerializer(made).data, status=status.HTTP_201_CREATED)


class TopUpView(APIView):
    """One top-up."""

    @extend_schema(responses=TopUpSerializer)
    def get(self, request: Request, top_up_id: UUID) -> Response:
        return Response(TopUpSerializer(selectors.top_up(actor_of(request), top_up_id)).data)


class RefundListView(APIView):
    """Refunds of a top-up; POST sends unspent money back to the card."""

    @extend_schema(responses=RefundSerializer(many=True))
    def get(self, request: Request, top_up_id: UUID) -> Response:
        return Response(RefundSerializer(selectors.refunds(actor_of(request), top_up_id), many=True).data)

    @extend_schema(request=NewRefundSerializer, responses={201: RefundSerializer})
    def post(self, request: Request, top_up_id: UUID) -> Response:
        data = NewRefundSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        units = data.validated_data.get("amount_minor")
        amount = Money(int(units), CURRENCY) if units is not None else None
        made = services.refund_top_up(actor=actor_of(request), top_up_id=top_up_id, amount=amount)
        return Response(RefundSerializer(made).data, status=status.HTTP_201_CREATED)


class BalanceView(APIView):
    """The prepaid balance: posted, held for open orders, available."""

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        balance = selectors.balance(actor_of(request))
        return Response(
            {
                "posted": balance.posted.as_json(),
                "held": balance.held.as_json(),
                "available": balance.available.as_json(),
            }
        )


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """A delivery of the processor; its signature is its authentication."""
    signature = request.headers.get("Stripe-Signature", "")
    try:
        services.handle_webhook(payload=request.body, signature=signature)
    except SignatureRefused:
        detail = "The signature does not match the body, or is too old."
        refusal = problem(400, "webhook_signature_refused", detail)
        return JsonResponse(refusal, status=400, content_type=CONTENT_TYPE)
    return JsonResponse({"received": True})
