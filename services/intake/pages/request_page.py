"""
The page of one request, in its present state and the reader's language.

Outcomes of requests in plain words, for people without an address: on the request's page.

Law:
    GDPR Art. 12(3)-(4): the requester is informed of the outcome, or of the reasons against it.
"""

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.intake.cases.alias_codes import AliasCodes
from services.intake.cases.clock import DECIDED, DUTIES, explained_deadline, judging_policies, remedy_of
from services.intake.cases.errors import CodeRefused, NotPossibleNow, TooManyAttempts
from services.intake.cases.service import RequestService
from services.intake.cases.timeline import TimelineEntry, timeline_of
from services.intake.domain import UNDECIDED, CaseStatus, IntakeCase, outcome_of
from services.intake.http import uploads
from services.intake.http.packages import NotSatisfiable, Packages
from services.intake.http.uploads import FieldError, FormNotTaken
from services.intake.pages import proof_form, translations
from services.intake.pages.centre.form import SCOPES
from services.intake.pages.deadline_explanation import ExplanationLine, explanation
from services.intake.pages.site import PRIVATE, SiteView
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    MOST_DOCUMENT_BYTES,
    Code,
    EmailCode,
    LetterKind,
    Outcome,
    Proof,
    Remedy,
    RequestSubmitted,
)
from shared.law import ClockRules
from shared.pages.categories import called
from shared.pages.law_names import RIGHTS, name_of
from shared.pages.translation import Words
from shared.pages.translation import mark as _
from shared.runtime.journal import DatedFact
from shared.runtime.safe_http import host_of

ENDED = frozenset(
    {CaseStatus.REFUSED, CaseStatus.DUPLICATE, CaseStatus.WITHDRAWN, CaseStatus.CLOSED, CaseStatus.PURGED}
)
"""Statuses without an open answer."""
ARGUABLE = UNDECIDED | DECIDED
"""Statuses in which a complaint to us is possible."""
HEADERS: Mapping[str, str] = {**PRIVATE, "Referrer-Policy": "same-origin"}
"""The address is a secret: other sites must not get it. Our own forms need it to name their origin."""
ALIAS_PROVEN = _("Thank you. We will continue with your request.")
CHECKING = _("Thank you. We are checking what you sent; reload this page in a moment.")
Refusal = NotPossibleNow | TooManyAttempts | CodeRefused | NotSatisfiable

STANDINGS: Mapping[Outcome, str] = {
    Outcome.GRANTED: _("Done"),
    Outcome.PARTLY_GRANTED: _("Done in part"),
    Outcome.REFUSED: _("Refused"),
    Outcome.NOTHING_HELD: _("Answered: we hold no data about you"),
}
RECORDED = _("Recorded; we will notify the recipients of the data")
"""A granted outcome of which recipients had still to be notified."""
GROUNDS: Mapping[Code, str] = {
    "retention_duty": _("A law obliges us to keep some of the data."),
    "legal_claims": _("We need some of the data for legal claims."),
    "legal_hold": _("Some of the data must be kept for legal proceedings."),
    "contract": _("We need some of the data for a contract with you."),
    "still_needed": _("We need some of the data for the purpose that we hold it for."),
    "security": _("We need some of the data to keep our systems secure."),
    "free_expression": _("Some of the data is kept for freedom of expression and information."),
    "public_interest": _("Some of the data is kept in the public interest."),
    "research": _("Some of the data is kept for research, archives or statistics."),
    "third_party_rights": _("Some of the data is about other people as well."),
    "professional_secrecy": _("We are bound to professional secrecy."),
    "not_editable": _("Some details in these records cannot be changed."),
    "accuracy_verified": _("We checked your data, and it is correct."),
    "grounds_prevail": _("Our reasons to use the data are compelling, and weigh more than your objection."),
    "mentioned_elsewhere": _("You may still be named in texts of other people."),
    "shared_identity": _("Some records may belong to another person."),
    "unconfirmed_identity": _("Some records may belong to another person."),
    "identity_not_established": _("We could not confirm your identity."),
    "details_do_not_match": _("The details do not match our records."),
    "not_proven_in_time": _("Your identity was not confirmed in time."),
    "proof_not_convincing": _("What was sent was not sufficient to confirm your identity."),
    "too_many_attempts": _("There were too many attempts to confirm your identity."),
    "unidentifiable": _("We cannot determine which data is yours."),
    "manifestly_unfounded": _("The request is manifestly unfounded."),
    "excessive": _("The request is excessive."),
}
"""Reasons to retain data, or to refuse a request. A reason without text appears by its name."""


@dataclass(frozen=True, slots=True)
class PageText:
    """The variable texts of a page; sentences are English, and translated when shown."""

    notice: str = ""
    problem: str = ""
    flaws: tuple[FieldError, ...] = ()
    """Faults of a form by field; an empty field is the form as a whole."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Field → input, so that it need not be typed again."""

    @property
    def flaw_of(self) -> Mapping[str, FieldError]:
        """Field → its fault."""
        return {flaw.path: flaw for flaw in self.flaws}


@dataclass(frozen=True, slots=True)
class RequestPage:
    """The page of one request, for one reader."""

    service: RequestService
    view: SiteView
    practice: ClockRules
    case_id: str

    async def alias_proven(self, network: str, code: str) -> HTMLResponse:
        """Offer *code* from *network* for another mailbox, and return the page with the result."""
        try:
            await self.service.codes.take(network, self.service.clock())
            await AliasCodes(self.service).prove(self.case_id, code)
        except CodeRefused as error:
            said = PageText(problem=proof_form.SETBACKS[error.verdict])
            return await self.show(said, status=HTTPStatus.CONFLICT)
        except (NotPossibleNow, TooManyAttempts) as error:
            return await self.refused(error)
        return await self.show(PageText(notice=ALIAS_PROVEN))

    async def show(self, said: PageText = PageText(), *, status: int = HTTPStatus.OK) -> HTMLResponse:
        """Return the page."""
        visible = await self.service.visible(self.case_id)
        case, facts = visible.case, visible.facts
        laws = self.practice.laws(case.received.laws) if case.received else ()
        view = self.view.under(laws)
        size = await Packages(self.service).size(self.case_id, case)
        drawn = {
            **self._content(case, facts, view),
            "recipient": await self._recipient(case),
            "said": said,
            "incomplete": visible.incomplete,
            "size": size and size_in_words(size, view.words),
        }
        here = self._path()
        return view.draw("request.html.jinja", status, here=here, headers=HEADERS, **drawn)

    async def after(self, act: Awaitable[object], notice: str) -> HTMLResponse:
        """Do *act* and return the page with its result, or the reason against it."""
        try:
            await act
        except (NotPossibleNow, TooManyAttempts, CodeRefused) as error:
            return await self.refused(error)
        return await self.show(PageText(notice=notice))

    async def refused(self, error: Refusal) -> HTMLResponse:
        """Return the page that says why something cannot be done."""
        status = HTTPStatus.TOO_MANY_REQUESTS if isinstance(error, TooManyAttempts) else HTTPStatus.CONFLICT
        return await self.show(PageText(problem=problem_of(error)), status=status)

    async def proven(self, *proofs: Proof) -> HTMLResponse:
        """Offer *proofs* and return the page with the result."""
        return await self.after(self.service.prove(self.case_id, proofs), CHECKING)

    async def uploaded(self, request: Request) -> HTMLResponse:
        """Offer the proofs in the form of *request*; too many uploads are refused unread."""
        try:
            async with self.service.upload(self.case_id):
                proofs = await uploads.read(request, self.service.clock())
        except FormNotTaken as error:
            return await self.flawed(error, {})
        except TooManyAttempts as error:
            return await self.refused(error)
        return await self.proven(*proofs)

    async def proven_by_code(self, network: str, code: str) -> HTMLResponse:
        """Offer *code*, from *network*, and return the page with the result."""

        async def offered() -> None:
            await self.service.codes.take(network, self.service.clock())
            await self.service.prove(self.case_id, [EmailCode(kind="email_code", code=code)])

        return await self.after(offered(), CHECKING)

    async def flawed(self, error: FormNotTaken, given: Mapping[str, str]) -> HTMLResponse:
        """Return the page with the faults of a form."""
        return await self.show(PageText(flaws=error.flaws, given=given), status=error.status)

    async def _recipient(self, case: IntakeCase) -> str:
        """Return the host that will receive the data, while the transfer can be confirmed."""
        if case.received is None or not case.received.transfers or not case.awaits_proof:
            return ""
        submitted = RequestSubmitted.model_validate_json(
            await self.service.vault.open(self.case_id, SUBMISSION)
        )
        return host_of(submitted.details.transfer_to or "")

    def _path(self, part: str = "") -> str:
        return f"/requests/{self.case_id}{part}"

    def _day(self, at: datetime | None) -> date | None:
        return at.astimezone(self.practice.zone).date() if at else None

    def _content(self, case: IntakeCase, facts: list[DatedFact], view: SiteView) -> dict[str, Any]:
        words, now = view.words, self.service.clock()
        today = now.astimezone(self.practice.zone).date()
        return {
            "case": case,
            "case_id": self.case_id,
            "at": lambda part: view.link(self._path(part)),
            "chosen": view.chosen,
            "standing": outcome_text(case),
            "grounds": list(grounds_of(case)),
            "asked": proof_form.proof_form_of(case),
            "asked_on": self._day(case.paused_since),
            "answer_by": self._day(case.wanted_until),
            "reviewed": case.awaits_proof and case.in_review,
            "details": proof_form.DETAILS,
            "accepted": f"{uploads.ACCEPTED},{uploads.ENCRYPTED}" if view.site.key else uploads.ACCEPTED,
            "key": view.site.key,
            "sign_in": view.site.sign_in is not None,
            "most_mb": MOST_DOCUMENT_BYTES >> 20,
            "right": RIGHTS[case.received.right] if case.received else "",
            "due_on": None if case.status in ENDED else case.due_on,
            "ahead": case.status not in ENDED and case.due_on is not None and today <= case.due_on,
            "why": _why(case, self.practice, words),
            "timeline": [(entry, _in_words(entry, words)) for entry in timeline_of(facts)],
            "objection": _objection(case, now, self.practice),
            "open_remedy": translations.OPEN_REMEDIES[case.open_appeal.remedy] if case.open_appeal else "",
            "authorities": list(_authorities(case, self.practice, words)),
            "package": case.fulfilled is not None and case.fulfilled.package is not None,
            "erased_at": case.erased_after(now),
            "scopes": {name: called(category, self.view.words.language) for name, category in SCOPES.items()},
            "certificate": case.fulfilled is not None and case.fulfilled.certificate is not None,
            "Remedy": Remedy,
        }


def size_in_words(size: int, words: Words) -> str:
    """Return *size*, in bytes, in a readable form: ``3.4 MB``."""
    unit, divisor = ("MB", 10**6) if size >= 10**6 else ("kB", 10**3)
    return f"{words.number(round(max(size / divisor, 1), 1))} {unit}"


def problem_of(error: Refusal) -> str:
    """Return the reason against an act, for the person."""
    match error:
        case NotPossibleNow():
            return translations.OBSTACLES[error.obstacle] if error.obstacle else translations.NOT_NOW
        case CodeRefused():
            return translations.UNOPENED[error.verdict]
        case TooManyAttempts():
            return translations.TOO_OFTEN
        case NotSatisfiable():
            return translations.NO_BYTES


def _why(case: IntakeCase, practice: ClockRules, words: Words) -> list[ExplanationLine]:
    counted = explained_deadline(case, practice)
    if counted is None or case.received is None or case.status in ENDED:
        return []
    return list(explanation(counted, case.received.received_at, words, laws=len(case.received.laws)))


def _in_words(entry: TimelineEntry, words: Words) -> str:
    letters = (LetterKind.ACKNOWLEDGEMENT if entry.acknowledges else None, entry.letter)
    letter = "; ".join(words.say(translations.LETTERS[kind]) for kind in letters if kind)
    return words.say(
        translations.HAPPENED[entry.what], letter=letter, until=words.day(entry.until) if entry.until else ""
    )


@dataclass(frozen=True, slots=True)
class Objection:
    """A remedy, in the words of the law."""

    remedy: Remedy
    days: int | None
    """Days until the decision of an appeal, or the confirmation of a complaint; None without a limit."""


def _objection(case: IntakeCase, at: datetime, practice: ClockRules) -> Objection | None:
    """Return the remedy at *at*; None without one, or if one is open already."""
    received = case.received
    if received is None or case.status not in ARGUABLE or case.not_ours:
        return None
    remedy = remedy_of(case, received, practice)
    if case.open_appeal is not None and case.open_appeal.remedy is remedy:
        return None
    laws = judging_policies(remedy, received, at, practice)
    rules = (policy.rule(DUTIES[remedy], received.right) for policy in laws)
    return Objection(remedy, min((rule.length for rule in rules if rule), default=None))


def _authorities(case: IntakeCase, practice: ClockRules, words: Words) -> Iterator[tuple[str, str, str]]:
    """
    Yield the authorities for complaints, once each: a law, its name, its page.

    Law:
        GDPR Art. 12(4), 77: that of the establishment, or any other of the person's choice.
    """
    seen = set[str]()
    for policy in practice.laws(case.received.laws) if case.received else ():
        stated, lead = policy.authority, practice.company.authority
        name, url = (stated.name_in(words.language), stated.url) if stated else (lead.name, lead.url)
        if url not in seen:
            seen.add(url)
            yield name_of(policy, words.say), name, url


def outcome_text(case: IntakeCase) -> str:
    """Return the status of *case* in a few words; the answer itself if no letter can be sent."""
    outcome = outcome_of(case)
    if case.addressless and case.status in DECIDED and outcome is not None:
        outstanding = outcome is Outcome.GRANTED and case.fulfilled is not None and case.fulfilled.recipients
        return RECORDED if outstanding else STANDINGS[outcome]
    return proof_form.status_text(case)


def grounds_of(case: IntakeCase) -> Iterator[str]:
    """Yield the reasons for a partial outcome; empty if a letter has them."""
    if not (case.addressless and case.status in DECIDED):
        return
    kept = case.fulfilled.reasons if case.fulfilled else ()
    for reason in dict.fromkeys((*case.refused_for, *kept)):
        yield GROUNDS.get(reason, reason.replace("_", " "))
