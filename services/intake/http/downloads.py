"""Downloads of packages by HTTP: in whole, or resumed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Header
from fastapi.responses import Response, StreamingResponse

from services.intake.http.packages import Download, etag_of
from services.intake.http.ranges import ByteRange, RangeRequest
from shared.contract.answer import PackageFacts


def wanted_bytes(
    range: Annotated[str, Header()] = "",  # noqa: A002 - the header's name
    if_range: Annotated[str, Header()] = "",
) -> RangeRequest:
    """Return the range that the headers of a request ask for."""
    return RangeRequest(range, if_range)


def package_headers(case_id: str, facts: PackageFacts, part: ByteRange) -> dict[str, str]:
    """Return the headers of the bytes *part* of a package (RFC 9110, sections 8.8.3 and 14)."""
    headers = {
        "Content-Disposition": f'attachment; filename="your-data-{case_id[:8]}.zip"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "bytes",
        "ETag": etag_of(facts),
        "Content-Length": str(part.length),
    }
    if part.length < facts.size:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{facts.size}"
    return headers


def package_head(case_id: str, facts: PackageFacts) -> Response:
    """Return the answer to a HEAD request for a package."""
    return Response(
        headers=package_headers(case_id, facts, ByteRange(0, facts.size)), media_type="application/zip"
    )


def package_response(case_id: str, opened: Download) -> StreamingResponse:
    """Return the package, or the requested part, as a download."""
    headers = package_headers(case_id, opened.facts, opened.span)
    status = HTTPStatus.PARTIAL_CONTENT if "Content-Range" in headers else HTTPStatus.OK
    return StreamingResponse(opened.pieces, status, headers, media_type="application/zip")
