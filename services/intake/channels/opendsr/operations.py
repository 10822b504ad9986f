"""The operations of the protocol in each version, with an example of each."""

from typing import Any

from pydantic import BaseModel

from services.intake.channels.opendsr.messages import MESSAGES, InstructionKind, Version
from services.intake.channels.opendsr.statuses import OpenDsrStatus
from services.intake.http.description import BINARY, ZIP, Content, ErrorForm, Security, operation

ID = "a7551968-d5d6-44b2-9831-815ac9017798"
CONTROLLER: Security = ({"opendsrBasic": ()}, {"opendsrBearer": ()})
DONE_BY = "2026-04-02T21:59:59.000Z"
ERROR = {
    "code": 400,
    "message": "subject_request_id: is required",
    "errors": [
        {"domain": "Validation", "reason": "Bad Request", "message": "subject_request_id: is required"}
    ],
}


class OpenDsrFault(BaseModel):
    """A fault of a call."""

    domain: str
    reason: str
    message: str


class OpenDsrError(BaseModel):
    """An error; all of it in the 3.0 dialect."""

    code: int
    message: str
    errors: list[OpenDsrFault]


class OpenDsrErrorAnswer(BaseModel):
    """An error in versions 1.0 and 2.0."""

    error: OpenDsrError


class SupportedIdentity(BaseModel):
    """An identity type that is looked up, and its format."""

    identity_type: str
    identity_format: str


class OpenDsrDiscovery(BaseModel):
    """The supported features."""

    api_version: str
    supported_identities: list[SupportedIdentity]
    supported_subject_request_types: list[InstructionKind]
    processor_certificate: str


class OpenDsrReceipt(BaseModel):
    """The receipt of a request."""

    controller_id: str
    expected_completion_time: str
    received_time: str
    encoded_request: str
    subject_request_id: str


class OpenDsrCancellation(BaseModel):
    """The receipt of a cancellation."""

    controller_id: str
    received_time: str
    subject_request_id: str
    api_version: str
    expected_completion_time: str | None = None


class OpenDsrStatusAnswer(BaseModel):
    """The status of a request; `results_url` and `group_id` are null or absent without a value."""

    controller_id: str
    expected_completion_time: str
    subject_request_id: str
    request_status: OpenDsrStatus
    api_version: str
    results_url: str | None = None
    results_count: int | None = None
    group_id: str | None = None
    extensions: dict[str, Any] | None = None


STATUS = {
    "controller_id": "shop",
    "expected_completion_time": DONE_BY,
    "subject_request_id": ID,
    "request_status": "pending",
    "api_version": "2.0",
}
GET_CERTIFICATE = operation(
    "getProcessorCertificate",
    answer={200: Content(media="application/x-pem-file", schema=BINARY)},
    form=ErrorForm(Content({"error": ERROR}, OpenDsrErrorAnswer)),
)


def named(name: str, version: Version) -> dict[str, Any]:
    """Return the arguments of the route for the operation *name* in *version*."""
    dialect = version is Version.THREE
    form = ErrorForm(
        Content(ERROR, OpenDsrError) if dialect else Content({"error": ERROR}, OpenDsrErrorAnswer)
    )
    errors, arguments = OPERATIONS[name]
    if name == "submitSubjectRequest":
        arguments = {**arguments, "body": [Content(message(version), MESSAGES[version])]}
    return operation(f"{name}V{version.value}", *errors, form=form, **arguments)


def message(version: Version) -> dict[str, Any]:
    """Return a request in *version*."""
    listed = [{"identity_type": "email", "identity_value": "ada@example.org", "identity_format": "raw"}]
    keyed = {"email": {"value": "ada@example.org", "encoding": "raw"}}
    return {
        "subject_request_id": ID,
        "subject_request_type": "erasure",
        "submitted_time": "2026-03-02T09:30:00Z",
        "subject_identities": keyed if version is Version.THREE else listed,
        "api_version": version.full,
        **({} if version is Version.ONE else {"regulation": "gdpr"}),
    }


RECEIPT = {
    "controller_id": "shop",
    "expected_completion_time": DONE_BY,
    "received_time": "2026-03-02T09:30:01.000Z",
    "encoded_request": "e30=",
    "subject_request_id": ID,
}
CANCELLED = {
    "controller_id": "shop",
    "received_time": "2026-03-02T10:00:00.000Z",
    "subject_request_id": ID,
    "api_version": "2.0",
}
DISCOVERED = {
    "api_version": "2.0",
    "supported_identities": [{"identity_type": "email", "identity_format": "raw"}],
    "supported_subject_request_types": ["access", "portability", "erasure"],
    "processor_certificate": "https://privacy.example.com/opendsr/certificate.pem",
}
PACKAGE = Content(media=ZIP, schema=BINARY)
OPERATIONS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "discover": ((), {"answer": {200: Content(DISCOVERED, OpenDsrDiscovery)}}),
    "submitSubjectRequest": (
        (400, 409),
        {"answer": {201: Content(RECEIPT, OpenDsrReceipt)}, "security": CONTROLLER},
    ),
    "getSubjectRequest": (
        (404,),
        {"answer": {200: Content(STATUS, OpenDsrStatusAnswer)}, "security": CONTROLLER},
    ),
    "cancelSubjectRequest": (
        (400, 404),
        {"answer": {202: Content(CANCELLED, OpenDsrCancellation)}, "security": CONTROLLER},
    ),
    "downloadResults": (
        (404, 410, 416),
        {"answer": {200: PACKAGE, 206: PACKAGE}, "security": CONTROLLER},
    ),
    "findSubjectRequests": (
        (400,),
        {"answer": {200: Content([STATUS], list[OpenDsrStatusAnswer])}, "security": CONTROLLER},
    ),
}
"""Name → errors besides the common ones, and the other arguments of :func:`operation`."""
