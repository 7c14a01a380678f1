"""API of an order's machine: switch it on or off, and see what it has done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.labeling import services
from apps.labeling.machine_types import MachineSettings
from apps.labeling.selectors import orders as selectors
from apps.labeling.selectors.machine import machine_figures
from apps.tenancy.actors import actor_of


class MachineSettingsSerializer(serializers.Serializer[Any]):
    """What a machine may do; the labels it gives keep the promised precision, which people's audits prove."""

    mode = serializers.ChoiceField(choices=["off", "assist"], default="assist")
    precision = serializers.FloatField(
        default=MachineSettings.precision, help_text="promised of machine labels, 0.5 to 0.99"
    )
    audit = serializers.FloatField(
        default=MachineSettings.audit, help_text="least share of machine labels that people check, 0.01 to 0.5"
    )
    source = serializers.CharField(  # type: ignore[assignment]  # a declared field, not the attribute of that name
        default=MachineSettings.source,
        max_length=1000,
        help_text="platform, language_model, the id of a model version that you may use, or an https:// address",
    )


class MachineSerializer(serializers.Serializer[Any]):
    """What an order's machine has done; precisions are null before an audit has passed."""

    state = serializers.CharField()
    settings = MachineSettingsSerializer()
    model = serializers.CharField()
    problem = serializers.CharField()
    items_asked = serializers.IntegerField()
    items_accepted = serializers.IntegerField()
    items_proposed = serializers.IntegerField()
    audits = serializers.IntegerField()
    audits_passed = serializers.IntegerField()
    audited = serializers.IntegerField()
    audited_right = serializers.IntegerField()
    measured_precision = serializers.FloatField(allow_null=True)
    measured_precision_low = serializers.FloatField(allow_null=True)
    measured_precision_high = serializers.FloatField(allow_null=True)


class MachineView(APIView):
    """An order's machine; null where it never had one. POST switches it, in a draft or a running order."""

    @extend_schema(responses=MachineSerializer(allow_null=True))
    def get(self, request: Request, order_id: UUID) -> Response:
        return _answer(selectors.order(actor_of(request), order_id))

    @extend_schema(request=MachineSettingsSerializer, responses=MachineSerializer(allow_null=True))
    def post(self, request: Request, order_id: UUID) -> Response:
        checked = MachineSettingsSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        return _answer(
            services.set_machine(actor=actor_of(request), order_id=order_id, machine=dict(checked.validated_data))
        )


def _answer(order: Any) -> Response:
    figures = machine_figures(order)
    return Response(figures.as_json() if figures is not None else None)
