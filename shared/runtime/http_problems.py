"""Problem documents (RFC 9457), the form of errors of every HTTP API."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi.responses import JSONResponse, Response

PROBLEM_JSON = "application/problem+json"
RENAMED: Mapping[int, str] = MappingProxyType(
    {
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
    }
)
"""Names of statuses in RFC 9110 (section 15.5) that RFC 7231 had not."""


def phrase_of(status: int) -> str:
    """Return the name of a status in RFC 9110; Python before 3.13 has older ones."""
    return RENAMED.get(status) or HTTPStatus(status).phrase


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Return a problem by RFC 9457."""
    content = {"type": "about:blank", "title": phrase_of(status), "status": status, "detail": detail}
    return JSONResponse(content | more, status, headers, media_type=PROBLEM_JSON)
