"""What all calls of the OpenAI-compatible API share: its errors and request ids."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.ids import uuid7
from apps.core.problems import exception_handler, openai_error


class OpenAIView(APIView):
    """Errors are problem documents that carry OpenAI's `error` object as well; every answer has an `x-request-id`."""

    def get_exception_handler(self) -> Any:
        return openai_exception_handler

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["x-request-id"] = f"req_{uuid7().hex}"
        return super().finalize_response(request, response, *args, **kwargs)


def openai_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The problem document, with OpenAI's `error` object; bad input is 400, which is what its clients expect."""
    response = exception_handler(error, context)
    if response is None or not isinstance(response.data, dict):
        return response
    if response.status_code == status.HTTP_422_UNPROCESSABLE_ENTITY:
        response.status_code = status.HTTP_400_BAD_REQUEST
        response.data["status"] = status.HTTP_400_BAD_REQUEST
    response.data["error"] = openai_error(response.data)
    return response
