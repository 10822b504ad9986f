"""The operations of intake's own API, with an example of each."""

from starlette.convertors import Convertor, register_url_convertor

from services.intake.http.description import (
    BINARY,
    JSON,
    NULL,
    STAFF,
    SYSTEM,
    SYSTEM_OR_PUBLIC,
    ZIP,
    Content,
    operation,
)
from services.intake.http.uploads import TICKED, ProofUploadForm
from shared.contract.declarations import TEXTS
from shared.contract.events import ProofSlot


class IdConvertor(Convertor[str]):
    """Ids in paths (``{case_id:id}``): no other path of the API, such as ``batch``, is taken for one."""

    regex = "[0-9a-f]{32}"

    def convert(self, value: str) -> str:
        """Return *value*."""
        return value

    def to_string(self, value: str) -> str:
        """Return *value*."""
        return value


register_url_convertor("id", IdConvertor())

ID = "4f1c0d2e9b7a48c6a1d35e8f0b6c2a97"
DECISION = "b8a2f60c5d174e0f9c3e7a41d2086b5f"
URL = f"https://privacy.example.com/v1/requests/{ID}"
STATUS = {
    "id": ID,
    "status": "challenged",
    "right": "access",
    "regulation": "gdpr",
    "policy": "gdpr@2018-05-25",
    "received_on": "2026-03-02",
    "due_on": "2026-04-02",
    "due_by": "gdpr@2018-05-25",
    "laws": ["gdpr@2018-05-25"],
    "wanted": [["mailbox"]],
    "tries_left": 5,
    "timeline": [{"at": "2026-03-02T09:30:00Z", "what": "received"}],
}
ROW = {"line": 2, "reference": "ticket-4711", "id": ID, "status_url": URL}
FILES = {
    "type": "object",
    "properties": {
        **{slot.value: {"type": "string", "format": "binary"} for slot in ProofSlot},
        "code": {"type": "string"},
        "token": {"type": "string"},
        "declaration": {"type": "string", "enum": [*TEXTS, TICKED]},
        "declaration_name": {"type": "string"},
    },
    "additionalProperties": False,
}
"""A form with files of proofs."""
REQUEST = {
    "reference": "ticket-4711",
    "right": "access",
    "subject": {"name": "Ada Example", "email": "ada@example.org"},
    "residence": {"country": "DE"},
    "locale": "en",
}

OWN = 401, 404
"""Errors of calls about a request: a key is not required; one of another system finds nothing."""

SUBMIT_REQUEST = operation(
    "submitRequest",
    409,
    422,
    security=SYSTEM_OR_PUBLIC,
    body=[Content(REQUEST)],
    answer={202: Content({"id": ID, "status_url": URL})},
)
LIST_POLICIES = operation(
    "listPolicies",
    answer={
        200: Content([{"law": "gdpr", "edition": "2018-05-25", "name": "General Data Protection Regulation"}])
    },
)
FIND_REQUEST = operation("findRequest", 404, 422, security=SYSTEM, answer={200: Content(STATUS)})
GET_REQUEST = operation("getRequest", *OWN, 422, security=SYSTEM_OR_PUBLIC, answer={200: Content(STATUS)})
PROVE_IDENTITY = operation(
    "proveIdentity",
    *OWN,
    400,
    409,
    415,
    422,
    security=SYSTEM_OR_PUBLIC,
    body=[
        Content({"proofs": [{"kind": "email_code", "code": "482913"}]}, ProofUploadForm),
        Content({"code": "482913"}, media="multipart/form-data", schema=FILES),
    ],
    body_required=False,  # a required body in two forms is more than one generator can write
    answer={202: NULL},
)
WITHDRAW_REQUEST = operation("withdrawRequest", *OWN, 409, 422, security=SYSTEM_OR_PUBLIC, answer={202: NULL})
ACCEPT_FEE = operation("acceptFee", *OWN, 409, 422, security=SYSTEM_OR_PUBLIC, answer={202: NULL})
SET_SCOPE = operation(
    "setScope",
    *OWN,
    409,
    422,
    security=SYSTEM_OR_PUBLIC,
    body=[Content({"scope": ["orders"]})],
    answer={202: NULL},
)
APPEAL = operation(
    "appeal",
    *OWN,
    409,
    422,
    security=SYSTEM_OR_PUBLIC,
    body=[Content({"statement": "The answer leaves out my orders of 2024."})],
    answer={202: NULL},
)
SEND_PACKAGE_CODE = operation(
    "sendPackageCode",
    *OWN,
    409,
    422,
    security=SYSTEM_OR_PUBLIC,
    answer={202: Content({"expires_at": "2026-03-02T10:00:00Z"})},
)
DOWNLOAD_PACKAGE = operation(
    "downloadPackage",
    401,
    403,
    404,
    409,
    416,
    422,
    answer={200: Content(media=ZIP, schema=BINARY), 206: Content(media=ZIP, schema=BINARY)},
)
INSPECT_PACKAGE = operation("inspectPackage", 401, 403, 404, 409, 422, answer={200: None})
DOWNLOAD_CERTIFICATE = operation(
    "downloadCertificate", 404, 409, 422, answer={200: Content(media=JSON, schema={"type": "object"})}
)
SUBMIT_SHEET = operation(
    "submitSheet",
    409,
    415,
    422,
    security=SYSTEM,
    body=[
        Content(
            "reference,right,email\nticket-4711,access,ada@example.org\n",
            media="text/csv",
            schema=BINARY,
        )
    ],
    answer={202: Content({"lodged": [ROW], "errors": []})},
)
MAKE_UNSUBSCRIBE_LINK = operation(
    "makeUnsubscribeLink",
    422,
    security=SYSTEM,
    body=[Content({"email": "ada@example.org", "list": "weekly offers"})],
    answer={
        200: Content(
            {
                "url": "https://privacy.example.com/unsubscribe/c2FtcGxl",
                "headers": {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
            }
        )
    },
)

SIGNED = {
    "type": "habeas.identity.decided.v1",
    "data": {"request_id": ID, "by": "dana.muster", "verified": True, "reason": "reviewed", "proof": "…"},
}
SIGNED_TOGETHER = {
    "proof": {
        "account": "dana.muster",
        "at": "2026-03-02T09:30:00Z",
        "nonce": "0d6b1f7c2e9a4853b07f1c64a9e25d38",
        "code": "287082",
        "signature": "5e" * 64,
        "batch": ["c4" * 32],
    },
    "decisions": [{"type": "habeas.erasure.approved.v1", "data": {"request_id": ID, "by": "dana.muster"}}],
}
TAKEN = {
    "id": DECISION,
    "case": ID,
    "status_url": f"https://privacy.example.com/v1/staff/decisions/{DECISION}",
}
GET_STAFF_SALT = operation(
    "getStaffSalt", 404, 422, answer={200: Content({"salt": "9f2c4ab07d1e63588c0b5ad4e7f19c36"})}
)
SUBMIT_DECISION = operation(
    "submitDecision", 403, 404, 409, 422, body=[Content(SIGNED)], answer={202: Content(TAKEN)}
)
SUBMIT_DECISION_WITH_PACKAGE = operation(
    "submitDecisionWithPackage",
    403,
    404,
    409,
    422,
    body=[Content(media="application/octet-stream", schema=BINARY)],
    answer={202: Content(TAKEN)},
)
SUBMIT_BATCH = operation(
    "submitBatch",
    422,
    body=[Content(SIGNED_TOGETHER)],
    answer={202: Content([{"id": DECISION, "case": ID}, {"reason": "decider_is_concerned"}])},
)
GET_DECISION = operation(
    "getDecision", 404, 422, answer={200: Content({"id": DECISION, "status": "accepted"})}
)
GET_INCIDENT_ITEM = operation(
    "getIncidentItem",
    403,
    404,
    422,
    security=STAFF,
    answer={200: Content(media="application/octet-stream", schema=BINARY)},
)
GET_STAFF_SESSION = operation(
    "getStaffSession",
    security=STAFF,
    answer={
        200: Content(
            {
                "account": "dana.muster",
                "display_name": "Dana Muster",
                "roles": ["agent"],
                "until": "2026-03-02T17:30:00Z",
            }
        )
    },
)
END_STAFF_SESSION = operation("endStaffSession", security=STAFF, answer={204: None})
PAGE = "proof_4f1c0d2e9b7a48c6a1d35e8f0b6c2a97_page_1"
GET_CASE_CONTENT = operation(
    "getCaseContent",
    403,
    404,
    422,
    security=STAFF,
    answer={
        200: Content(
            {
                "until": "2026-03-02T09:45:00Z",
                "submission": {"reference": "ticket-4711", "right": "access"},
                "scope_answered": [],
                "statements": [],
                "texts": [],
                "notes": [{"at": "2026-03-02T09:31:00Z", "by": "dana.muster", "text": "Called back."}],
                "holds": [],
                "remarks": [],
                "aliases": [],
                "certificates": [],
                "files": [],
                "mails": [],
                "letters": [],
                "evidence": {
                    "pending": False,
                    "documents": [
                        {
                            "proof": "proof_4f1c0d2e9b7a48c6a1d35e8f0b6c2a97",
                            "slot": "identity",
                            "media_type": "image/jpeg",
                            "pending": False,
                            "pages": [PAGE],
                        }
                    ],
                    "claims": [],
                },
                "plan": {
                    "erased": [{"label": "Profiles", "records": 1}],
                    "kept": [
                        {
                            "label": "Invoices",
                            "records": 4,
                            "reason": "retention_duty",
                            "citation": "§ 147 AO",
                            "until": "2036-12-31",
                        }
                    ],
                },
                "answer": None,
                "package": None,
                "review": None,
            }
        )
    },
)
GET_CONTENT_ITEM = operation(
    "getContentItem",
    403,
    404,
    422,
    security=STAFF,
    answer={200: Content(media="application/octet-stream", schema=BINARY)},
)
GET_LISTED_RECORDS = operation(
    "getListedRecords",
    403,
    404,
    422,
    security=STAFF,
    answer={
        200: Content(
            {
                "records": [
                    {
                        "collection": "shop.users",
                        "label": "Users",
                        "record": 1,
                        "fields": {"email": "amelia@example.org"},
                    }
                ],
                "next": None,
            }
        )
    },
)
LIST_DECISIONS = operation(
    "listDecisions", 422, answer={200: Content([{"id": DECISION, "status": "accepted"}])}
)
LIST_STAFF = operation(
    "listStaff",
    security=STAFF,
    answer={200: Content([{"account": "dana.muster", "display_name": "Dana Muster", "roles": ["agent"]}])},
)
ASSIGN_CASE = operation(
    "assignCase",
    403,
    404,
    422,
    security=STAFF,
    body=[Content({"owner": "dana.muster"})],
    answer={204: None},
)
NOTE_CASE = operation(
    "noteCase",
    403,
    404,
    409,
    422,
    security=STAFF,
    body=[Content({"text": "The customer called: the letter went to an old address."})],
    answer={201: Content({"item": f"note_{DECISION}"})},
)
ATTACH_FILE = operation(
    "attachFile",
    403,
    404,
    409,
    415,
    422,
    security=STAFF,
    body=[Content(media="application/octet-stream", schema=BINARY)],
    answer={201: Content({"item": f"file_{DECISION}"})},
)
EXPORT_TRAIL = operation(
    "exportTrail",
    403,
    404,
    409,
    422,
    security=STAFF,
    answer={200: Content(media=ZIP, schema=BINARY)},
)
SEARCH_CASES = operation(
    "searchCases",
    403,
    422,
    security=STAFF,
    body=[Content({"mailbox": "ada@example.org"})],
    answer={200: Content({"cases": [ID]})},
)
COUNT_PURGED = operation(
    "countPurged",
    422,
    security=STAFF,
    answer={
        200: Content(
            {
                "counts": [
                    {
                        "law": "gdpr",
                        "right": "access",
                        "result": "granted",
                        "grounds": [],
                        "late": False,
                        "days": 12,
                        "requests": 7,
                    }
                ]
            }
        )
    },
)
PREVIEW_LETTER = operation(
    "previewLetter",
    403,
    404,
    422,
    503,
    security=STAFF,
    body=[Content({"type": "habeas.extension.decided.v1", "data": {"reason": "complexity"}})],
    answer={
        200: Content(
            {
                "letters": [
                    {
                        "letter": "extension",
                        "subject": "Your request takes longer",
                        "text": "Hello Ada Example, …",
                        "html": "<p>Hello Ada Example, …</p>",
                    }
                ],
                "refused": None,
                "reason": None,
            }
        )
    },
)
