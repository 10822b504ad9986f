"""Responses to clients: requests, pages and logs with every field, empty without a value. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.intake.channels.fides.filters import FilteredRequest, labelled
from services.intake.channels.fides.policies import policy_object
from services.intake.channels.fides.statuses import days_left, logged, time

NEVER = (
    "reviewed_by", "submitted_by", "reviewer", "submitter", "paused_at", "action_required_details",
    "resume_endpoint", "custom_privacy_request_fields_approved_by",
    "custom_privacy_request_fields_approved_at", "deleted_at", "deleted_by", "finalized_at", "finalized_by",
    "duplicate_request_group_id",
)  # fmt: skip
"""Fields of a request that are always empty."""


def response(
    found: FilteredRequest, today: date, *, personal: bool, identities: bool = False, fields: bool = False
) -> dict[str, Any]:
    """
    Return a request.

    Args:
        found: The request.
        today: The current day of the controller.
        personal: Whether the caller may see the client's body.
        identities: Whether the caller asks for the person's identity.
        fields: Whether the caller asks for the person's other answers.
    """
    entry, seen, said = found.entry, found.seen, found.said
    shown = said if personal else None
    return {
        "id": found.name,
        "created_at": time(entry.at),
        "started_processing_at": time(found.started_at),
        "reviewed_at": time(seen.reviewed_at),
        "finished_processing_at": time(seen.finished_at),
        "identity_verified_at": time(seen.verified_at),
        "status": found.status,
        "external_id": shown.external_id if shown else None,
        "identity": labelled(shown) if shown and identities else None,
        "custom_privacy_request_fields": _fields(found) if shown and fields else None,
        "policy": policy_object(entry.policy, entry.wish),
        "days_left": days_left(seen.case, today),
        "source": said.source if said else None,
        "location": said.location if said else None,
        "property_id": shown.property_id if shown else None,
        **dict.fromkeys(NEVER),
    }


def verbose(found: FilteredRequest) -> dict[str, Any]:
    """Return the fields of a request that are added for verbose calls."""
    return {"results": {"habeas": log(found)}, "task_status_by_dataset": {"habeas": found.status}}


def log(found: FilteredRequest) -> list[Any]:
    """Return the log of a request, oldest first."""
    return [logged(step, found.action) for step in found.seen.steps]


def paged(items: Sequence[Any], total: int, *, page: int, size: int) -> dict[str, Any]:
    """Return a page of *total* items."""
    return {"items": list(items), "total": total, "page": page, "size": size, "pages": -(-total // size)}


def _fields(found: FilteredRequest) -> dict[str, Any] | None:
    given = found.said.custom_privacy_request_fields if found.said else None
    return None if given is None else {name: one.model_dump(mode="json") for name, one in given.items()}
