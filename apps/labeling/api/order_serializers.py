"""What the API says of an order."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from apps.labeling.api.machine import MachineSerializer
from apps.labeling.selectors import orders as selectors
from apps.labeling.selectors.machine import machine_figures
from apps.labeling.selectors.outlook import outlook


class MoneySerializer(serializers.Serializer[Any]):
    """An amount: minor units as a string, and a currency."""

    amount_minor = serializers.RegexField(r"^\d{1,9}$")
    currency = serializers.RegexField(r"^[A-Z]{3}$", default="USD")


class QuoteSerializer(serializers.Serializer[Any]):
    """What an order costs at most; the fee is on top of the pay."""

    items = serializers.IntegerField()
    redundancy = serializers.IntegerField()
    labels = serializers.IntegerField()
    price_per_label = MoneySerializer()
    cost = MoneySerializer()
    fee_bps = serializers.IntegerField()
    fee = MoneySerializer()
    total = MoneySerializer()
    held = MoneySerializer(help_text="what the launch sets aside: the total, or the budget where that is less")
    affordable_labels = serializers.IntegerField(help_text="labels that the held money pays for")


class FundsSerializer(serializers.Serializer[Any]):
    """An order's money: held is the sum of the other three."""

    held = MoneySerializer()
    spent = MoneySerializer(help_text="pay for accepted answers, and the fee on it")
    still_held = MoneySerializer()
    returned = MoneySerializer()


class EstimateSerializer(serializers.Serializer[Any]):
    """A share with its 95 % interval."""

    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    cases = serializers.IntegerField()


class QualitySerializer(serializers.Serializer[Any]):
    """How many results are right, as far as it can be told."""

    checked_items = EstimateSerializer(
        allow_null=True, help_text="of the check questions, those that come out right by the answers alone"
    )
    decided_items = EstimateSerializer(allow_null=True, help_text="what the confidences of the decided items promise")


class ForecastSerializer(serializers.Serializer[Any]):
    """Where the order ends at the pace of the last hour."""

    labels_left = serializers.IntegerField()
    labels_per_hour = serializers.FloatField()
    ends_at = serializers.DateTimeField(allow_null=True)
    cost = MoneySerializer()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far an order is."""

    items = serializers.IntegerField()
    items_settled = serializers.IntegerField()
    items_unusable = serializers.IntegerField()
    labels_wanted = serializers.IntegerField()
    labels_given = serializers.IntegerField()
    percent = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    pending = serializers.IntegerField()
    annotators = serializers.IntegerField()
    working_now = serializers.IntegerField()
    gold_seen = serializers.IntegerField()
    gold_right = serializers.IntegerField()
    spent = MoneySerializer()
    money = FundsSerializer(allow_null=True)
    quality = QualitySerializer()
    forecast = ForecastSerializer(allow_null=True)


class OrderReviewSerializer(serializers.Serializer[Any]):
    """Who decides beside the consensus."""

    adjudication = serializers.BooleanField(help_text="items whose answers differ wait for an adjudicator")
    skill_id = serializers.UUIDField(allow_null=True, help_text="annotators who have it may review")
    price_minor = serializers.IntegerField(help_text="pay for one decision of theirs")


class OrderSerializer(serializers.Serializer[Any]):
    """An order, for its requester."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    instruction = serializers.CharField()
    example = serializers.JSONField()
    design = serializers.JSONField()
    redundancy = serializers.IntegerField()
    target = serializers.FloatField(allow_null=True)
    budget = serializers.SerializerMethodField()
    deadline = serializers.DateTimeField(allow_null=True)
    auto_approve_days = serializers.IntegerField()
    requirements = serializers.JSONField(help_text="{skills, languages, level} that annotators need; {}: none")
    review = serializers.SerializerMethodField()
    items = serializers.IntegerField(source="item_count")
    gold_items = serializers.IntegerField(source="gold_count")
    state = serializers.CharField()
    outcome = serializers.CharField()
    quote = serializers.SerializerMethodField()
    dataset_id = serializers.UUIDField(allow_null=True)
    dataset_version_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    launched_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)

    @extend_schema(responses=MoneySerializer(allow_null=True))
    def get_budget(self, order: Any) -> dict[str, Any] | None:
        budget = selectors.budget_of(order)
        return budget.as_json() if budget is not None else None

    @extend_schema(responses=OrderReviewSerializer)
    def get_review(self, order: Any) -> dict[str, Any]:
        return {
            "adjudication": order.adjudication,
            "skill_id": str(order.review_skill_id) if order.review_skill_id else None,
            "price_minor": order.review_price_minor,
        }

    @extend_schema(responses=QuoteSerializer)
    def get_quote(self, order: Any) -> dict[str, Any]:
        return selectors.quote_of(order).as_json()


class OrderDetailSerializer(OrderSerializer):
    """The same with progress."""

    progress = serializers.SerializerMethodField()
    machine = serializers.SerializerMethodField(help_text="what its machine has done; null: it never had one")

    @extend_schema(responses=ProgressSerializer)
    def get_progress(self, order: Any) -> dict[str, Any]:
        return progress_of(order)

    @extend_schema(responses=MachineSerializer(allow_null=True))
    def get_machine(self, order: Any) -> dict[str, Any] | None:
        figures = machine_figures(order)
        return figures.as_json() if figures is not None else None


def progress_of(order: Any) -> dict[str, Any]:
    """How far the order is, what it cost, how good it looks, when it ends."""
    return selectors.progress(order).as_json() | outlook(order).as_json()
