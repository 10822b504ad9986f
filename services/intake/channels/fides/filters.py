"""Filters of requests. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from services.intake.channels.fides.bodies import Moment, Place, Short
from services.intake.channels.fides.requests import FidesAction
from services.intake.channels.fides.responses import FidesStatus, FilteredRequest, identities_of
from services.intake.channels.parts import ReceivedPart

SORTED_BY = ("created_at",)
"""Fields to sort requests by."""


class FidesOrder(StrEnum):
    """The order of requests."""

    ASC = "asc"
    DESC = "desc"


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class EntryRange:
    """A range of the time of creation; newest first by default."""

    after: datetime | None = None
    before: datetime | None = None
    oldest_first: bool = False


class FidesFilter(ReceivedPart):
    """The filter of a client; all conditions must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    request_id: Short | None = None
    """Its name, or the beginning of that."""
    identities: Annotated[dict[Short, str | int], Field(max_length=20)] | None = None
    fuzzy_search_str: Short | None = None
    """A part of its name, or of an identity."""
    custom_privacy_request_fields: Annotated[dict[Short, Any], Field(max_length=20)] | None = None
    status: Annotated[tuple[FidesStatus, ...] | None, BeforeValidator(_several)] = None
    created_lt: Moment | None = None
    created_gt: Moment | None = None
    started_lt: Moment | None = None
    started_gt: Moment | None = None
    completed_lt: Moment | None = None
    completed_gt: Moment | None = None
    errored_lt: Moment | None = None
    errored_gt: Moment | None = None
    external_id: Short | None = None
    location: Place | None = None
    action_type: Annotated[tuple[FidesAction, ...] | None, BeforeValidator(_several)] = None
    verbose: bool | None = False
    include_identities: bool | None = False
    include_custom_privacy_request_fields: bool | None = False
    include_consent_webhook_requests: bool | None = False
    include_deleted_requests: bool | None = False
    is_overdue: bool | None = None
    download_csv: bool | None = False
    sort_field: Short = "created_at"
    sort_direction: FidesOrder = FidesOrder.DESC

    @property
    def between(self) -> EntryRange:
        """The range of the time of creation."""
        return EntryRange(self.created_gt, self.created_lt, self.sort_direction is FidesOrder.ASC)

    @property
    def looks_inside(self) -> bool:
        """Whether the state of each request is needed."""
        return any(one is not None for one in self._asked)

    @property
    def narrows(self) -> bool:
        """Whether it has a condition: present but empty ones do not count."""
        return any(one not in (None, "", {}) for one in (*self._asked, self.created_lt, self.created_gt))

    @property
    def _asked(self) -> tuple[object, ...]:
        return (
            self.request_id, self.identities, self.fuzzy_search_str, self.custom_privacy_request_fields,
            self.status, self.started_lt, self.started_gt, self.completed_lt, self.completed_gt,
            self.errored_lt, self.errored_gt, self.external_id, self.location, self.action_type,
            self.is_overdue,
        )  # fmt: skip

    def takes(self, found: FilteredRequest, today: date) -> bool:
        """Return whether *found* matches."""
        return self._stands(found, today) and self._is_of(found)

    def _stands(self, found: FilteredRequest, today: date) -> bool:
        due_on = found.seen.case.due_on
        overdue = due_on is not None and due_on < today and found.seen.case.unanswered
        return (
            (self.request_id is None or found.name.startswith(self.request_id))
            and (self.status is None or found.status in self.status)
            and (self.action_type is None or found.action in self.action_type)
            and (self.is_overdue is None or overdue is self.is_overdue)
            and _within(found.seen.verified_at, self.started_gt, self.started_lt)
            and _within(found.seen.finished_at, self.completed_gt, self.completed_lt)
            # An error here is no end state: it is retried, or the staff checks it.
            and _within(None, self.errored_gt, self.errored_lt)
        )

    def _is_of(self, found: FilteredRequest) -> bool:
        said = found.said
        asked = (
            self.identities, self.fuzzy_search_str, self.custom_privacy_request_fields,
            self.external_id, self.location,
        )  # fmt: skip
        if said is None:
            return all(one is None for one in asked)
        known = identities_of(said)
        fields = {name: one.value for name, one in (said.custom_privacy_request_fields or {}).items()}
        return (
            _agree(self.identities, known)
            and _agree(self.custom_privacy_request_fields, fields)
            and (self.external_id is None or said.external_id == self.external_id)
            and (self.location is None or said.location == self.location)
            and (self.fuzzy_search_str is None or _mentions(found.name, known, self.fuzzy_search_str))
        )


def _within(at: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if after is None and before is None:
        return True
    return at is not None and (after is None or at > after) and (before is None or at < before)


def _agree(asked: Mapping[str, Any] | None, known: Mapping[str, Any]) -> bool:
    missing = object()
    return all(str(known.get(name, missing)) == str(value) for name, value in (asked or {}).items())


def _mentions(name: str, known: Mapping[str, Any], text: str) -> bool:
    values = (name, *(str(value) for value in known.values() if value is not None))
    return any(text.casefold() in value.casefold() for value in values)
