"""Fields that several of the room's bodies share."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers


class JsonField(serializers.JSONField):
    """JSON, also as text in a multipart form; comma-separated names are a list."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            text = data.strip()
            if not text.startswith(("[", "{", '"')):
                return [part.strip() for part in text.split(",") if part.strip()]
            try:
                return json.loads(text)
            except ValueError:
                raise serializers.ValidationError("This is not JSON.") from None
        return super().to_internal_value(data)


class PartField(JsonField):
    """An object with a serializer of its own, also as text in a multipart form."""

    def __init__(self, part: type[serializers.Serializer[Any]], **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.part = part

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        found = super().to_internal_value(data)
        if not isinstance(found, dict):
            raise serializers.ValidationError("This must be an object.")
        given = self.part(data=found)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)
