"""Requests of this API with their state, and responses with every field, empty without a value. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.intake.channels.fides import statuses
from services.intake.channels.fides.bodies import CreateRequest, spelt
from services.intake.channels.fides.requests import Action, Wish, action_of, policy_object, right_of
from shared.contract.events import RequestId
from shared.law import DIRECT_MARKETING, needs_proof

NEVER = (
    "reviewed_by", "submitted_by", "reviewer", "submitter", "paused_at", "action_required_details",
    "resume_endpoint", "custom_privacy_request_fields_approved_by",
    "custom_privacy_request_fields_approved_at", "deleted_at", "deleted_by", "finalized_at", "finalized_by",
    "duplicate_request_group_id",
)  # fmt: skip
"""Fields of a request that are always empty."""


@dataclass(frozen=True, slots=True)
class FidesEntry:
    """A request that came by this API, without personal data."""

    case: RequestId
    at: datetime
    policy: str
    """The client's key of the policy."""
    wish: Wish
    client: str | None
    """The client; None for public requests."""


@dataclass(frozen=True, slots=True)
class FilteredRequest:
    """A request of this API, with its state."""

    entry: FidesEntry
    seen: statuses.ObservedRequest
    said: CreateRequest | None
    """The client's body; None once the case is destroyed."""

    @property
    def name(self) -> str:
        """The client's name for it."""
        return spelt(self.entry.case)

    @property
    def status(self) -> statuses.FidesStatus:
        """Its status."""
        asks = needs_proof(right_of(self.entry.wish), direct_marketing=self.entry.wish == DIRECT_MARKETING)
        return statuses.status_of(self.seen.case, asks_for_proof=asks and self.entry.client is None)

    @property
    def action(self) -> Action:
        """The client's name for the right."""
        return action_of(self.entry.wish)


def identities_of(said: CreateRequest) -> dict[str, Any]:
    """Return the identifiers of the person, as sent by the client."""
    given = {
        "email": said.identity.email,
        "phone_number": said.identity.phone_number,
        "ga_client_id": said.identity.ga_client_id,
        "ljt_readerID": said.identity.ljt_reader_id,
        "fides_user_device_id": said.identity.fides_user_device_id,
        "external_id": said.identity.external_id,
    }
    return given | {name: one.value for name, one in said.identity.labelled.items()}


def labelled(said: CreateRequest) -> dict[str, Any]:
    """Return the same, with the labels in the client's forms."""
    labels = {name: one.model_dump(mode="json") for name, one in said.identity.labelled.items()}
    return identities_of(said) | labels


def response(
    found: FilteredRequest, today: date, *, personal: bool, identities: bool = False, fields: bool = False
) -> dict[str, Any]:
    """Return a request; if *personal*, with the body, and its *identities* and *fields* if asked for."""
    entry, seen, said = found.entry, found.seen, found.said
    shown = said if personal else None
    given = shown.custom_privacy_request_fields if shown and fields else None
    return {
        "id": found.name,
        "created_at": statuses.time(entry.at),
        "started_processing_at": statuses.time(seen.verified_at),
        "reviewed_at": statuses.time(seen.reviewed_at),
        "finished_processing_at": statuses.time(seen.finished_at),
        "identity_verified_at": statuses.time(seen.verified_at),
        "status": found.status,
        "external_id": shown.external_id if shown else None,
        "identity": labelled(shown) if shown and identities else None,
        "custom_privacy_request_fields": given
        and {name: one.model_dump(mode="json") for name, one in given.items()},
        "policy": policy_object(entry.policy, entry.wish),
        "days_left": statuses.days_left(seen.case, today),
        "source": said.source if said else None,
        "location": said.location if said else None,
        "property_id": shown.property_id if shown else None,
        **dict.fromkeys(NEVER),
    }


def log(found: FilteredRequest) -> list[Any]:
    """Return the log of a request, oldest first, without personal data."""
    return [
        {
            "collection_name": None,
            "fields_affected": None,
            "message": step.type,
            "action_type": found.action,
            "status": step.status,
            "updated_at": statuses.time(step.at),
            "connection_key": None,
            "dataset_name": "habeas",
            "saas_version": None,
        }
        for step in found.seen.steps
    ]


def paged(items: Sequence[Any], total: int, *, page: int, size: int) -> dict[str, Any]:
    """Return a page of *total* items."""
    return {"items": list(items), "total": total, "page": page, "size": size, "pages": -(-total // size)}
