"""The operations of the API, with an example of each; the answers are built in `responses`."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from services.intake.channels.fides import bodies
from services.intake.channels.fides.clients import ClientScope
from services.intake.channels.fides.filters import FidesFilter
from services.intake.channels.fides.requests import FidesAction
from services.intake.channels.fides.responses import FidesStatus
from services.intake.http.description import SCHEMAS, Content, ErrorForm, Security, operation

NAME = "pri_4f1c0d2e-9b7a-48c6-a1d3-5e8f0b6c2a97"
CONSENT_NAME = "con_4f1c0d2e-9b7a-48c6-a1d3-5e8f0b6c2a97"
FORM = "application/x-www-form-urlencoded"
AT = "2026-03-02T09:30:00.000000+00:00"
BY_QUERY = frozenset(FidesFilter.model_fields) - {"identities", "custom_privacy_request_fields"}
"""Conditions that a query may have; the others need a body."""


class FidesFlaw(BaseModel):
    """A fault in a body or a query, without its value."""

    loc: list[str | int]
    msg: str
    type: str


class FidesError(BaseModel):
    """An error: a sentence, or the faults of a body."""

    detail: str | list[FidesFlaw]


class FidesTokenAnswer(BaseModel):
    """A token."""

    access_token: str
    token_type: str
    expires_in: int
    expires_at: str


class FidesVerificationConfig(BaseModel):
    """Whether identities are verified by a code."""

    identity_verification_required: bool
    disable_consent_identity_verification: bool
    valid_email_config_exists: bool


class FidesRule(BaseModel):
    """The rule of a policy."""

    name: str
    key: str
    action_type: FidesAction
    storage_destination: None = None
    masking_strategy: None = None


class FidesPolicy(BaseModel):
    """A policy."""

    name: str
    key: str
    rules: list[FidesRule]
    drp_action: None = None
    execution_timeframe: None = None
    conditions: None = None


class FidesRequest(BaseModel):
    """A request; the fields that are null here always are."""

    id: str
    created_at: str
    started_processing_at: str | None
    reviewed_at: str | None
    finished_processing_at: str | None
    identity_verified_at: str | None
    status: FidesStatus
    external_id: str | None
    identity: dict[str, Any] | None
    custom_privacy_request_fields: dict[str, bodies.FidesLabelledValue] | None
    policy: FidesPolicy
    days_left: int | None
    source: bodies.Source | None
    location: str | None
    property_id: str | None
    results: dict[str, Any] | None = None
    task_status_by_dataset: dict[str, Any] | None = None
    reviewed_by: None = None
    submitted_by: None = None
    reviewer: None = None
    submitter: None = None
    paused_at: None = None
    action_required_details: None = None
    resume_endpoint: None = None
    custom_privacy_request_fields_approved_by: None = None
    custom_privacy_request_fields_approved_at: None = None
    deleted_at: None = None
    deleted_by: None = None
    finalized_at: None = None
    finalized_by: None = None
    duplicate_request_group_id: None = None


class FidesFailure(BaseModel):
    """A request that is refused, and the reason."""

    message: str
    data: dict[str, Any]


class FidesResults(BaseModel):
    """The result of each request of a call."""

    succeeded: list[FidesRequest]
    failed: list[FidesFailure]


class FidesPage(BaseModel):
    """A page of requests."""

    items: list[FidesRequest]
    total: int
    page: int
    size: int
    pages: int


class FidesLogLine(BaseModel):
    """An entry in the log of a request."""

    collection_name: None = None
    fields_affected: None = None
    message: str
    action_type: FidesAction
    status: str
    updated_at: str
    connection_key: None = None
    dataset_name: str
    saas_version: None = None


class FidesLogPage(BaseModel):
    """A page of the log of a request."""

    items: list[FidesLogLine]
    total: int
    page: int
    size: int
    pages: int


class FidesAnswers(BaseModel):
    """The addresses of the answer to a request."""

    access_result_urls: list[str]


class FidesConsentBegun(BaseModel):
    """The name of a consent request."""

    consent_request_id: str


class FidesPreferences(BaseModel):
    """The choices of a person; null before the first."""

    consent: list[bodies.FidesConsent] | None


def _may(scope: ClientScope) -> Security:
    return ({"fidesToken": (str(scope),)},)


def _call(id_: str, *errors: int, answer: Content, **more: Any) -> dict[str, Any]:
    return operation(id_, *errors, answer={200: answer}, form=FIDES_ERRORS, **more)


def _conditions() -> list[dict[str, Any]]:
    """Return the parameters of the query for requests."""
    schema = FidesFilter.model_json_schema(ref_template=SCHEMAS + "{model}")
    definitions, fields = schema.get("$defs", {}), schema["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": {"$defs": definitions, **fields[name]}}
        for name in sorted(BY_QUERY)
    ]


FIDES_ERRORS = ErrorForm(Content({"detail": "No privacy request found with this id."}, FidesError))
CODE = Content({"code": "482913"}, bodies.FidesCodeForm)
PERSON = {"email": "ada@example.org"}
SUBMITTED = {"identity": PERSON, "policy_key": "default_access_policy"}
REQUEST = {
    "id": NAME,
    "created_at": AT,
    "started_processing_at": None,
    "reviewed_at": None,
    "finished_processing_at": None,
    "identity_verified_at": None,
    "status": "identity_unverified",
    "external_id": None,
    "identity": None,
    "custom_privacy_request_fields": None,
    "policy": {
        "name": "default_access_policy",
        "key": "default_access_policy",
        "rules": [
            {
                "name": "default_access_policy rule",
                "key": "default_access_policy_rule",
                "action_type": "access",
            }
        ],
    },
    "days_left": 31,
    "source": None,
    "location": None,
    "property_id": None,
}
LINE = {
    "message": "habeas.request.received.v1",
    "action_type": "access",
    "status": "complete",
    "updated_at": AT,
    "dataset_name": "habeas",
}
ONE_PAGE = {"total": 1, "page": 1, "size": 50, "pages": 1}
CHOICE = {"data_use": "marketing.advertising", "opt_in": False}
TAKEN = Content({"succeeded": [REQUEST], "failed": []}, FidesResults)
FOUND = Content({"items": [REQUEST], **ONE_PAGE}, FidesPage)
FORMS = Annotated[list[bodies.FidesRequestForm], Field(max_length=bodies.MOST_AT_ONCE)]
CREATES = [Content([SUBMITTED], FORMS)]
CHOSEN = Content({"consent": [CHOICE]}, FidesPreferences)
GRANT = {"grant_type": "client_credentials", "client_id": "scripts", "client_secret": "…"}
GRANT_FORM = {"type": "object", "properties": {name: {"type": "string"} for name in GRANT}}
CLIENT: Security = ({}, {"fidesBasic": ()})

GET_TOKEN = _call(
    "getFidesToken",
    400,
    415,
    security=CLIENT,
    body=[Content(GRANT, media=kind, schema=GRANT_FORM) for kind in (FORM, "multipart/form-data")],
    body_required=False,
    answer=Content(
        {"access_token": "b3BhcXVl", "token_type": "Bearer", "expires_in": 3600, "expires_at": AT},
        FidesTokenAnswer,
    ),
)
GET_CONFIG = _call(
    "getIdVerificationConfig",
    answer=Content(
        {
            "identity_verification_required": True,
            "disable_consent_identity_verification": True,
            "valid_email_config_exists": True,
        },
        FidesVerificationConfig,
    ),
)
CREATE = _call("createPrivacyRequests", 422, body=CREATES, answer=TAKEN)
CREATE_AUTHENTICATED = _call(
    "createPrivacyRequestsAsClient",
    403,
    422,
    body=CREATES,
    security=_may(ClientScope.CREATE),
    answer=TAKEN,
)
VERIFY = _call("verifyPrivacyRequest", 400, 403, 404, 422, body=[CODE], answer=Content(REQUEST, FidesRequest))
SEARCH = _call(
    "searchPrivacyRequests",
    400,
    403,
    422,
    body=[Content({"status": ["pending"]}, FidesFilter)],
    body_required=False,
    security=_may(ClientScope.READ),
    answer=FOUND,
)
FIND = _call(
    "findPrivacyRequests",
    400,
    403,
    422,
    security=_may(ClientScope.READ),
    parameters=_conditions(),
    answer=FOUND,
)
LOG = _call(
    "getPrivacyRequestLog",
    403,
    404,
    422,
    security=_may(ClientScope.READ),
    answer=Content({"items": [LINE], **ONE_PAGE}, FidesLogPage),
)
ACCESS_RESULTS = _call(
    "getAccessResults",
    400,
    403,
    404,
    security=_may(ClientScope.ACCESS_RESULTS),
    answer=Content(
        {"access_result_urls": ["https://privacy.example.com/requests/4f1c0d2e9b7a48c6a1d35e8f0b6c2a97"]},
        FidesAnswers,
    ),
)
BEGIN_CONSENT = _call(
    "beginConsentRequest",
    400,
    422,
    body=[Content({"identity": PERSON}, bodies.FidesConsentForm)],
    answer=Content({"consent_request_id": CONSENT_NAME}, FidesConsentBegun),
)
VERIFY_CONSENT = _call("verifyConsentRequest", 404, 422, body=[CODE], answer=CHOSEN)
GET_PREFERENCES = _call("getConsentPreferences", 404, answer=CHOSEN)
SET_PREFERENCES = _call(
    "setConsentPreferences",
    400,
    404,
    422,
    body=[Content({"consent": [CHOICE]}, bodies.FidesPreferencesForm)],
    answer=CHOSEN,
)


def decision(action: str) -> dict[str, Any]:
    """Return the arguments of the route for decisions of the kind *action*."""
    return _call(
        f"{action}PrivacyRequests",
        400,
        403,
        422,
        body=[Content({"request_ids": [NAME]}, list[bodies.Short] | bodies.FidesSelection)],
        security=_may(ClientScope.REVIEW),
        answer=TAKEN,
    )
