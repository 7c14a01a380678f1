"""API of plans: what the organisation has and uses, invoices, cards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.billing import selectors, services
from apps.billing.api.top_ups import TopUpSerializer
from apps.billing.models import Dispute, Invoice, SavedCard
from apps.billing.plans import PLANS, Plan
from apps.billing.types import PLAN_PATH, PlanKey, SubscriptionInfo
from apps.core.money import Money
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

_OBJECT = {200: {"type": "object"}}


class PlanChoiceSerializer(serializers.Serializer[Any]):
    """Which plan; the URLs are where the payer returns to, by default the plan's page."""

    plan = serializers.ChoiceField(choices=PlanKey.choices)
    success_url = serializers.URLField(required=False, max_length=2000)
    cancel_url = serializers.URLField(required=False, max_length=2000)


class PlanOnlySerializer(serializers.Serializer[Any]):
    """Which plan."""

    plan = serializers.ChoiceField(choices=PlanKey.choices)


class CardTopUpSerializer(serializers.Serializer[Any]):
    """How much to charge to a kept card."""

    amount_minor = serializers.RegexField(r"^[0-9]{1,12}$", help_text="minor units, as a string")


class InvoiceSerializer(serializers.Serializer[Any]):
    """An invoice."""

    def to_representation(self, instance: Invoice) -> dict[str, Any]:
        return {
            "id": str(instance.id),
            "number": instance.number,
            "status": instance.status,
            "amount_due": Money(instance.amount_due, instance.currency).as_json(),
            "amount_paid": Money(instance.amount_paid, instance.currency).as_json(),
            "issued_at": instance.issued_at.isoformat(),
            "url": instance.url,
            "pdf_url": instance.pdf_url,
        }


class CardSerializer(serializers.Serializer[Any]):
    """A kept card."""

    def to_representation(self, instance: SavedCard) -> dict[str, Any]:
        return {
            "id": str(instance.id),
            "brand": instance.brand,
            "last4": instance.last4,
            "exp_month": instance.exp_month,
            "exp_year": instance.exp_year,
            "is_default": instance.is_default,
        }


class DisputeSerializer(serializers.Serializer[Any]):
    """A dispute."""

    def to_representation(self, instance: Dispute) -> dict[str, Any]:
        return {
            "id": str(instance.id),
            "amount": Money(instance.amount, instance.currency).as_json(),
            "owed": Money(instance.owed, instance.currency).as_json(),
            "state": instance.state,
            "reason": instance.reason,
            "due_by": instance.due_by.isoformat() if instance.due_by else None,
            "created_at": instance.created_at.isoformat(),
        }


class PlanView(APIView):
    """The organisation's plan and what it uses of it; POST takes a plan, DELETE lets it end with its period."""

    @extend_schema(responses=_OBJECT)
    def get(self, request: Request) -> Response:
        return Response(_plan_json(actor_of(request)))

    @extend_schema(request=PlanChoiceSerializer, responses={201: {"type": "object"}})
    def post(self, request: Request) -> Response:
        data = PlanChoiceSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        back = settings.PUBLIC_URL + PLAN_PATH
        address = services.subscribe(
            actor=actor_of(request),
            plan=PlanKey(data.validated_data["plan"]),
            success_url=data.validated_data.get("success_url", f"{back}?returned=1"),
            cancel_url=data.validated_data.get("cancel_url", back),
        )
        return Response({"checkout_url": address}, status=status.HTTP_201_CREATED)

    @extend_schema(request=PlanOnlySerializer, responses=_OBJECT)
    def patch(self, request: Request) -> Response:
        data = PlanOnlySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.change_plan(actor=actor_of(request), plan=PlanKey(data.validated_data["plan"]))
        return Response(_plan_json(actor_of(request)))

    @extend_schema(responses=_OBJECT)
    def delete(self, request: Request) -> Response:
        services.cancel_plan(actor=actor_of(request))
        return Response(_plan_json(actor_of(request)))


class ResumePlanView(APIView):
    """POST takes a cancellation back."""

    @extend_schema(request=None, responses=_OBJECT)
    def post(self, request: Request) -> Response:
        services.resume_plan(actor=actor_of(request))
        return Response(_plan_json(actor_of(request)))


class PlanOrderView(APIView):
    """POST orders a plan that is paid by invoice; it starts when the first invoice is paid."""

    @extend_schema(request=PlanOnlySerializer, responses={201: {"type": "object"}})
    def post(self, request: Request) -> Response:
        data = PlanOnlySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.subscribe_by_invoice(actor=actor_of(request), plan=PlanKey(data.validated_data["plan"]))
        return Response(_plan_json(actor_of(request)), status=status.HTTP_201_CREATED)


class InvoiceListView(generics.ListAPIView[Invoice]):
    """The organisation's invoices, newest first."""

    serializer_class = InvoiceSerializer

    def get_queryset(self) -> Any:
        return selectors.invoices(actor_of(self.request))


class DisputeListView(generics.ListAPIView[Dispute]):
    """Payments that a bank asks back, newest first."""

    serializer_class = DisputeSerializer

    def get_queryset(self) -> Any:
        return selectors.disputes(actor_of(self.request))


class CardListView(generics.ListAPIView[SavedCard]):
    """The kept cards; POST opens the page on which one is kept."""

    serializer_class = CardSerializer

    def get_queryset(self) -> Any:
        return selectors.cards(actor_of(self.request))

    @extend_schema(request=None, responses={201: {"type": "object"}})
    def post(self, request: Request) -> Response:
        back = settings.PUBLIC_URL + PLAN_PATH
        address = services.add_card(actor=actor_of(request), success_url=f"{back}?returned=1", cancel_url=back)
        return Response({"setup_url": address}, status=status.HTTP_201_CREATED)


class CardView(APIView):
    """DELETE forgets a card."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, card_id: UUID) -> Response:
        services.remove_card(actor=actor_of(request), card_id=card_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DefaultCardView(APIView):
    """POST charges renewals to this card from now on."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, card_id: UUID) -> Response:
        services.make_default(actor=actor_of(request), card_id=card_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CardTopUpView(APIView):
    """POST tops the balance up with a kept card, without a payment page."""

    @extend_schema(request=CardTopUpSerializer, responses={201: TopUpSerializer})
    def post(self, request: Request, card_id: UUID) -> Response:
        data = CardTopUpSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        amount = Money(int(data.validated_data["amount_minor"]))
        made = services.top_up_with_card(actor=actor_of(request), amount=amount, card_id=card_id)
        return Response(TopUpSerializer(made).data, status=status.HTTP_201_CREATED)


def _plan_json(actor: Actor) -> dict[str, Any]:
    current = selectors.current_subscription(actor)
    plan = PLANS[selectors.plan_key(actor.organisation_id)]
    usage = [
        {"limit": str(one.limit), "used": str(one.used), "allowed": str(one.allowed)} for one in selectors.usage(actor)
    ]
    return {"plan": _describe(plan), "usage": usage, "subscription": _subscription_json(current)}


def _describe(plan: Plan) -> dict[str, Any]:
    return {"key": str(plan.key), "name": plan.name, "price": plan.price.as_json()}


def _subscription_json(current: SubscriptionInfo | None) -> dict[str, Any] | None:
    if current is None:
        return None
    return {
        "status": current.status,
        "period_end": current.period_end.isoformat(),
        "ends_at": current.ends_at.isoformat() if current.ends_at else None,
        "grace_until": current.grace_until.isoformat() if current.grace_until else None,
        "by_invoice": current.by_invoice,
    }
