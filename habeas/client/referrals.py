"""A request or appeal that waits for a decision of the staff, and the content that it reads."""

import io
import secrets
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

from services.fulfillment import state as fulfillment
from services.fulfillment.context import open_lines
from services.fulfillment.domain import MANY_MAILBOXES
from services.intake.domain import RECORDS, CaseStatus, IntakeCase, evolve
from services.notifier.letters.reasons import REASONS
from shared.contract.answer import SUBMISSION, scope_entries
from shared.contract.events import (
    AppealReceived,
    PackageReviewed,
    PackageReviewNeeded,
    ReferralDecided,
    RefusalGround,
    RequestSubmitted,
    WithholdingGround,
)
from shared.contract.package_review import ListedRecord, RedactionList
from shared.contract.staff import written_text
from shared.errors import ConfigurationError, UnknownRequest
from shared.law import ReasonCode
from shared.law.library import provisions_of
from shared.runtime.journal import Journal, events_of
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import Client, connect
from shared.runtime.vault import Vault

MEANINGS = {
    fulfillment.BY_STAFF: "no service answers requests for this right",
    fulfillment.NOTHING_DECLARED: "the request names no identity that the data map searches by",
    fulfillment.NOTHING_NAMED: "the correction names no field and value: read the person's text",
    fulfillment.UNSURE: "the proof of identity does not suffice for a correction",
    fulfillment.IDENTITY_CHANGE: "the correction changes an identity: `habeas request approve-correction`",
    fulfillment.ACCURACY_DISPUTED: "a disputed field is not editable; its records are restricted meanwhile",
    fulfillment.SCOPE_UNCLEAR: "the erasure is limited to data that the map does not name so",
    fulfillment.GROUND_CLAIMED: "a ground of Art. 17(1)(d) or (e) is claimed: `habeas request ground`",
    fulfillment.TO_BE_WEIGHED: "the objection must be weighed against compelling grounds",
    MANY_MAILBOXES: "the records name more other mailboxes than are written to",
}
"""Reason of a referral → its meaning; other reasons are those of letters."""
NEXT_STEPS: Mapping[str, tuple[str, str]] = {
    "stopped": ("stopped", "request resume, request close"),
    "approval": ("erasure not approved", "approve"),
    "package": ("package not reviewed", "request review"),
    "referred": ("referred", "request answer, request refuse, request nothing-held"),
    "forward": ("customer unknown or not reached", "request forward"),
    "undelivered": ("answer not delivered", "request delivered"),
}
"""Work on an answer → what the request waits for, and the verbs; the first that waits comes first."""


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case of intake that waits for the staff."""

    id: str
    case: IntakeCase
    today: date

    @property
    def appeal(self) -> AppealReceived | None:
        """The open appeal or complaint."""
        return self.case.open_appeal

    def referral(self) -> dict[str, Any]:
        """Return the request as plain values: why it waits, and until when."""
        received, referred = self.case.received, self.case.referred
        reason = referred.reason if referred else None
        return {
            "request": self.id,
            "status": self.case.status.value,
            "right": received and received.right.value,
            "laws": list(received.laws) if received else [],
            "received_on": received and received.received_on.isoformat(),
            **last_day(self.case.due_on, self.today),
            "reason": reason,
            "meaning": reason and meaning_of(reason),
            "waits_for": self.next_step and self.next_step[0],
            "verbs": self.next_step and self.next_step[1],
        }

    @property
    def next_step(self) -> tuple[str, str] | None:
        """What the request waits for, and the verb that continues it; None if it does not wait for staff."""
        case, referred = self.case, self.case.referred
        if case.stopped is not None:
            return next_step_of("stopped", case.stopped)
        if case.awaits_approval and case.withdrawable:
            return next_step_of("approval")
        if case.review is not None:
            return next_step_of("package")
        if case.status is CaseStatus.REFERRED and case.erasure_at is None:
            return next_step_of("referred", referred.reason if referred else None)
        if case.forwardable:
            return next_step_of("forward")
        return next_step_of("undelivered") if case.undeliverable else None

    def disagreement(self) -> dict[str, Any]:
        """Return the open appeal as plain values."""
        appeal, received = self.appeal, self.case.received
        return {
            "request": self.id,
            "remedy": appeal and appeal.remedy.value,
            "right": received and received.right.value,
            "status": self.case.status.value,
            "received_on": appeal and appeal.received_on.isoformat(),
            **last_day(appeal.due_on if appeal else None, self.today),
            "law": appeal and appeal.policy,
        }


@dataclass(frozen=True, slots=True)
class WaitingReview:
    """A package that waits for a review, and the reviews so far."""

    needed: PackageReviewNeeded
    reviews: tuple[PackageReviewed, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        shown = {"right", "records", "renewed", "listing"}
        reviewed = [one.by for one in self.reviews]
        return self.needed.model_dump(mode="json", include=shown) | {"reviewed_by": reviewed}


def agreed(waits: WaitingReview) -> dict[str, Any]:
    """Return listing and redactions of the last review; raises ConfigurationError without any."""
    if not waits.reviews:
        raise ConfigurationError("--agree: no account has reviewed the package")
    return waits.reviews[-1].model_dump(include={"listing", "redactions"})


def redaction_list(withhold: Iterable[str]) -> bytes:
    """
    Return the redactions of the words ``COLLECTION[:RECORD[:FIELD]]=GROUND``, as they are signed.

    Raises:
        ConfigurationError: One of them has another form.
    """
    try:
        return (
            RedactionList.model_validate({"redactions": [*map(_redaction, withhold)]})
            .model_dump_json()
            .encode()
        )
    except ValueError:
        grounds = ", ".join(WithholdingGround)
        raise ConfigurationError(
            f"--withhold: COLLECTION[:RECORD[:FIELD]]=GROUND, with the record's number; grounds are {grounds}"
        ) from None


def _redaction(word: str) -> dict[str, str | None]:
    place, _, ground = word.rpartition("=")
    collection, _, rest = place.partition(":")
    record, _, field = rest.partition(":")
    return {"collection": collection, "record": record or None, "field": field or None, "reason": ground}


def last_day(due_on: date | None, today: date) -> dict[str, Any]:
    """Return a last day as plain values, with the days that are left."""
    days = None if due_on is None else (due_on - today).days
    return {"due_on": due_on and due_on.isoformat(), "days_left": days}


def next_step_of(work: str, reason: str | None = None) -> tuple[str, str]:
    """Return what a request waits for, and the verb that continues it."""
    waits_for, verbs = NEXT_STEPS[work]
    first = "request ground, " if work == "referred" and reason == fulfillment.GROUND_CLAIMED else ""
    return f"{waits_for}: {reason}" if work == "stopped" else waits_for, f"{first}{verbs}"


def meaning_of(reason: str) -> str:
    """Return the meaning of the *reason* of a referral; empty if it has none."""
    known = ReasonCode(reason) if reason in set(ReasonCode) else None
    return MEANINGS.get(reason) or (REASONS[known] if known else "")


@dataclass(frozen=True, slots=True)
class StaffCases:
    """Reads the cases that wait for the staff, and their sealed content."""

    client: Client
    prefix: str
    today: date

    async def of(self, request_id: str) -> WaitingCase:
        """Return a case. Raises UnknownRequest if there is none."""
        journal = Journal(self.client[f"{self.prefix}_intake"], RECORDS, notes=True)
        rows = (await journal.histories({request_id})).get(request_id, ())
        case = reduce(evolve, events_of(rows), IntakeCase())
        if case.received is None:
            hint = (
                f"; `habeas request find {request_id}` prints its id" if request_id.startswith("HB-") else ""
            )
            raise UnknownRequest(f"there is no request {request_id}{hint}")
        return WaitingCase(request_id, case, self.today)

    async def proposed(self, request_id: str) -> ReferralDecided | None:
        """Return the newest answer to a referred request that waits for a second account."""
        rows = await Journal(self.client[f"{self.prefix}_fulfillment"]).histories({request_id})
        events = events_of(rows.get(request_id, ()))
        known = reduce(fulfillment.evolve, events, fulfillment.FulfillmentCase())
        waits = known.status is fulfillment.FulfillmentStatus.REFERRED
        return known.answers_proposed[-1] if waits and known.answers_proposed else None

    async def review(self, request_id: str) -> WaitingReview:
        """Return the package of a request that waits for a review; raises ConfigurationError if none does."""
        await self.of(request_id)
        rows = await Journal(self.client[f"{self.prefix}_fulfillment"]).histories({request_id})
        known = reduce(fulfillment.evolve, events_of(rows.get(request_id, ())), fulfillment.FulfillmentCase())
        if known.review is None:
            raise ConfigurationError(f"no package of request {request_id} waits for a review")
        return WaitingReview(known.review, known.reviews)

    async def listing(self, request_id: str, item: str, key: RootKey) -> list[dict[str, Any]]:
        """Return the records of a listing, in plain values."""
        lines = open_lines(self._vault(key), request_id, item)
        return [ListedRecord.model_validate_json(line).model_dump() async for line in lines]

    async def submission(self, request_id: str, key: RootKey) -> dict[str, Any]:
        """Return the request as it was submitted, in plain values, and the data that was named since."""
        vault, answered = self._vault(key), (await self.of(request_id)).case.scope_answered
        submitted = RequestSubmitted.model_validate_json(await vault.open(request_id, SUBMISSION))
        plain = submitted.model_dump(mode="json", exclude_defaults=True)
        if answered is None or answered.scope is None:
            return plain
        named = scope_entries((await vault.open(request_id, answered.scope)).decode())
        return plain | {"scope_answered": list(named)}

    async def statement(self, request_id: str, item: str, key: RootKey) -> str:
        """Return the statement of an appeal."""
        return (await self._vault(key).open(request_id, item)).decode()

    async def explanation(self, request_id: str, item: str, key: RootKey) -> str:
        """Return the staff's text to the person, without its salt."""
        text = written_text(item, await self._vault(key).open(request_id, item))
        return "" if text is None else text.decode()

    def _vault(self, key: RootKey) -> Vault:
        return Vault(self.client, prefix=self.prefix, master_key=key)


@asynccontextmanager
async def opened(mongo_url: str, prefix: str, today: date) -> AsyncIterator[StaffCases]:
    """Open the cases that wait for the staff, with days counted from *today*."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        yield StaffCases(client, prefix, today)


def lawful(grounds: Sequence[RefusalGround], laws: Sequence[str]) -> dict[str, list[str]]:
    """
    Return for each of *grounds* where *laws* have it.

    Raises ConfigurationError if none of them has one; the message lists the grounds that they have.
    """
    provided = provisions_of(RefusalGround, laws)
    for ground in grounds:
        if not provided[ground]:
            known = ", ".join(one for one, texts in provided.items() if texts)
            raise ConfigurationError(f"--ground {ground}: no law of this request has it; they have {known}")
    return {ground: provided[ground] for ground in grounds}


def packed(files: Sequence[Path]) -> bytes:
    """
    Return a ZIP with *files*, and a random comment, so that its digest does not reveal them.

    Raises ConfigurationError if two have the same name.
    """
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise ConfigurationError("--file: two files have the same name")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
        archive.comment = secrets.token_hex(16).encode()
    return content.getvalue()
