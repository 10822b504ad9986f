"""
The judgement on a run, by the public contract alone. Pure.

Each rule yields anomalies of one kind; an anomaly names its request, and no personal data.
"""

import math
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from bench.public.agency import AGENT_MAILBOX
from bench.public.deadlines import last_day
from bench.public.evidence import PublicEvidence
from bench.public.instructions import SOURCE
from bench.public.requests import PROOFLESS, AskingChannel, RequestCourse, awaits_proof
from bench.public.stores import Place, parts_about, texts
from shared.vocabulary import Right

ANSWERED = frozenset({"granted", "partly_granted"})
READING = frozenset({Right.ACCESS, Right.PORTABILITY, Right.KNOW_CATEGORIES})
"""Rights whose answer changes no record."""
MARKED = frozenset({"restricted", "subscribed", "consent", "locked"})
"""Fields that a mark may change."""
CORRECTED = MARKED | {"address", "addresses"}
"""Fields that a correction of the city may change."""
ONCE = ("request.received", "request.closed", "request.withdrawn", "identity.verified")
"""Facts that are published once about a request."""


class PublicVerdict(StrEnum):
    """Kinds of anomalies."""

    LOST = "lost"
    REPEATED = "repeated"
    WRONG_PERSON = "wrong person"
    LATE = "late"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, order=True)
class PublicAnomaly:
    """Something that must not be."""

    verdict: PublicVerdict
    request_id: str
    """Empty if it belongs to no request that is known."""
    what: str


def judge(seen: PublicEvidence) -> list[PublicAnomaly]:
    """Return all anomalies in what was *seen*, in order."""
    found = {
        PublicAnomaly(verdict, request_id, what)
        for verdict, rules in RULES.items()
        for rule in rules
        for request_id, what in rule(seen)
    }
    return sorted(found)


Findings = Iterator[tuple[str, str]]
"""Request and what is wrong with it."""


# --- lost -----------------------------------------------------------------------------------------------


def unregistered(seen: PublicEvidence) -> Findings:
    """Yield accepted requests that were never registered, and those without a status page."""
    for course in seen.courses:
        if course.accepted and course.request_id is None and course.refused_with is None:
            yield "", f"accepted as {course.plan.reference}, and never registered"
        if course.request_id and not course.page:
            yield course.request_id, "has no status page"


def unended(seen: PublicEvidence) -> Findings:
    """Yield requests that wait for no person and have no end."""
    for course in seen.courses:
        if course.request_id and course.page and not _may_stand(course):
            yield course.request_id, f"has no end: it stands at {course.status}"


def _may_stand(course: RequestCourse) -> bool:
    """Return whether the request has ended, or waits for the staff, or for proof that its requester lacks."""
    if course.status in {"closed", "purged", "referred"} or course.page.get("stopped"):
        return True
    return course.status == "challenged" and awaits_proof(course)


def unheard(seen: PublicEvidence) -> Findings:
    """Yield requests whose receipt, or end, no event announced."""
    for course, page in _pages(seen):
        if course.plan.is_instruction:  # its controller does not know how events name it
            continue
        if page.get("received_on") and not seen.heard(page["id"], "request.received"):
            yield page["id"], "no event announced that it was received"
        if page.get("status") == "closed" and not seen.heard(page["id"], "request.closed"):
            yield page["id"], "no event announced its end"


def letters_lost(seen: PublicEvidence) -> Findings:
    """Yield requests with fewer letters than their page, or an event, says were sent."""
    for course, page in _pages(seen):
        if course.plan.is_instruction:
            continue
        arrived = len({letter.message_id for letter in seen.letters_of.get(page["id"], ())})
        listed = sum(item["what"] == "letter_sent" for item in page.get("timeline", ()))
        if arrived < max(listed, len(seen.heard(page["id"], "notice.sent"))):
            yield page["id"], f"letters sent by its page: {listed}, arrived: {arrived}"
        if page.get("status") == "closed" and page.get("outcome") and not arrived:
            yield page["id"], "is answered without any letter"


def downloads_lost(seen: PublicEvidence) -> Findings:
    """Yield answers whose package, or certificate, was not to be had."""
    for course in seen.courses:
        if not (course.request_id and course.plan.by_person and course.page.get("outcome") in ANSWERED):
            continue
        if course.page.get("package_url") and course.package is None:
            code = f"; no code: {course.no_code_with}" if course.no_code_with else ""
            yield course.request_id, f"its package cannot be downloaded{code}"
        certified = course.plan.right is Right.ERASURE and not course.plan.is_instruction
        if certified and course.certificate is None:
            yield course.request_id, "its certificate cannot be downloaded"
        if course.plan.right in READING and not course.page.get("package_url"):
            yield course.request_id, "is granted without a package"


def packages_incomplete(seen: PublicEvidence) -> Findings:
    """Yield answers whose package lacks a record about the person."""
    for course in seen.courses:
        if course.package is None or course.plan.right is not Right.ACCESS or seen.erased_besides(course):
            continue
        there = {(name, _id_text(record)) for name, records in course.package.items() for record in records}
        for place in seen.owned.get(course.plan.person.email, ()):
            if place[1:] not in there:
                yield course.request_id or "", f"its package lacks a record of {place[0]}.{place[1]}"


def instructions_lost(seen: PublicEvidence) -> Findings:
    """Yield whether fewer instructions of the controller were registered than taken."""
    taken, registered = _instructions(seen)
    if registered < taken:
        yield "", f"{taken} instructions of the controller were taken, {registered} registered"


def _instructions(seen: PublicEvidence) -> tuple[int, int]:
    """Return how many instructions were taken, and how many requests events say came of them."""
    taken = sum(course.plan.is_instruction and course.accepted for course in seen.courses)
    return taken, len(_instructed(seen))


def _instructed(seen: PublicEvidence) -> set[str]:
    received = (one for one in seen.events if one.type == "habeas.request.received.v1")
    return {one.request_id for one in received if one.data.get("source") == SOURCE}


def effects_lost(seen: PublicEvidence) -> Findings:
    """Yield granted requests that did not change what they must."""
    for course in seen.courses:
        if course.request_id and _takes_effect(course) and not seen.erased_besides(course):
            for place in seen.owned.get(course.plan.person.email, ()):
                if flaw := _effect_missing(course, place, seen):
                    yield course.request_id, f"{flaw} in {place[0]}.{place[1]}"


def _takes_effect(course: RequestCourse) -> bool:
    """Return whether records must have been changed: some rights take effect before the staff decides."""
    waits = course.status == "referred" and course.plan.right in {Right.OBJECTION, Right.RECTIFICATION}
    return course.page.get("outcome") in ANSWERED or (waits and not course.page.get("stopped"))


def erasures_uncertified(seen: PublicEvidence) -> Findings:
    """Yield erasures that kept more than their certificate says, or whose second search found something."""
    for course in seen.courses:
        if course.certificate is None or course.request_id is None:
            continue
        if course.certificate["verification"]["remaining"]:
            yield course.request_id, "its certificate says that something remains"
        for name, kept in _kept_besides(course, seen).items():
            yield course.request_id, f"the person is still named in {kept} records of {name} too many"


def _kept_besides(course: RequestCourse, seen: PublicEvidence) -> Mapping[str, int]:
    """Return how many records of which collections still name the person, beyond those of the certificate."""
    person = course.plan.person.email
    named = Counter(
        f"{place[0]}.{place[1]}"
        for place in seen.owned.get(person, ())
        if place in seen.after and parts_about(seen.after[place], person)
    )
    listed = (course.certificate or {}).get("collections", ())
    for one in listed:
        name = next((name for name in named if f"{one['dataset']}.{one['collection']}".endswith(name)), "")
        named[name] -= len(one["left"]) + sum(kept["records"] for kept in one["retained"])
    return {name: times for name, times in named.items() if name and times > 0}


def _effect_missing(course: RequestCourse, place: Place, seen: PublicEvidence) -> str | None:
    """Return what an answer should have changed in the record at *place*; None if it did."""
    before, after = seen.before[place], seen.after.get(place)
    if after is None:
        return None
    plan = course.plan
    if place[1] == "newsletter":
        stops = plan.right in {Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE} or plan.is_marketing
        if plan.right is Right.CONSENT_WITHDRAWAL and after["consent"]["given"]:
            return "the consent stands"
        return "the newsletter goes on" if stops and after["subscribed"] else None
    restricts = plan.right is Right.RESTRICTION or (plan.right is Right.OBJECTION and not plan.is_marketing)
    if restricts and after.get("restricted") is False and _own(course, before):
        return "no mark of restriction"
    wanted = next((one["value"] for one in plan.details.get("corrections", ())), None)
    if wanted and place[1] == "contacts" and after["address"]["city"] != wanted:
        return "the correction is not made"
    return None


def _own(course: RequestCourse, record: Mapping[str, Any]) -> bool:
    person = course.plan.person
    return str(record.get("_id")) in {person.contact, str(person.number)}


# --- repeated -------------------------------------------------------------------------------------------


def registered_twice(seen: PublicEvidence) -> Findings:
    """Yield submissions under one reference that became several requests."""
    for course in seen.courses:
        for other in sorted(course.other_ids):
            yield other, f"was submitted as {course.request_id} before"
    names: dict[tuple[str, str], set[str]] = {}
    for event in seen.events:
        if event.type == "habeas.request.received.v1" and event.publisher and event.publisher.reference:
            name = event.publisher.source, event.publisher.reference
            names.setdefault(name, set()).add(event.request_id)
    for ids in names.values():
        first, *more = sorted(ids)
        for other in more:
            if not _follows(seen, other):
                yield other, f"has the reference of {first}"


def _follows(seen: PublicEvidence, request_id: str) -> bool:
    return any(event.data.get("follows") for event in seen.heard(request_id, "request.received"))


def instructions_repeated(seen: PublicEvidence) -> Findings:
    """Yield whether more requests came of the instructions of the controller than were taken."""
    taken, registered = _instructions(seen)
    if registered > taken:
        yield "", f"{taken} instructions of the controller were taken, {registered} registered"


def announced_twice(seen: PublicEvidence) -> Findings:
    """Yield requests about which a fact was published twice, under two ids."""
    for request_id in seen.events_of:
        for kind in ONCE:
            if len(seen.heard(request_id, kind)) > 1:
                yield request_id, f"{kind} was announced with several ids"


def letters_repeated(seen: PublicEvidence) -> Findings:
    """Yield requests with a letter that came twice, unless an event says that a crash left it in doubt."""
    for request_id, letters in seen.letters_of.items():
        if not request_id:
            continue
        doubtful = sum(bool(event.data.get("doubtful")) for event in seen.heard(request_id, "notice.sent"))
        copies = Counter(letter.message_id for letter in letters)
        if sum(times > 1 for times in copies.values()) > doubtful:
            yield request_id, "a letter came twice, and no event says so"
        first = {letter.message_id: letter for letter in letters}.values()
        subjects = Counter((letter.recipients, letter.subject) for letter in first if not letter.code)
        if any(times > 1 for times in subjects.values()):
            yield request_id, "two letters say the same"


# --- wrong person ---------------------------------------------------------------------------------------


def letters_astray(seen: PublicEvidence) -> Findings:
    """Yield requests with a letter to a mailbox that the request does not name, and codes for an agent."""
    for course in seen.courses:
        own = course.plan.person.email.casefold()
        agents = {AGENT_MAILBOX} if course.plan.channel is AskingChannel.AGENT else set()
        for letter in (one for id_ in course.ids for one in seen.letters_of.get(id_, ())):
            if not set(letter.recipients) <= ({own} if letter.code else {own, *agents}):
                yield course.request_id or "", "a letter went to another mailbox"


def letters_of_processors(seen: PublicEvidence) -> Findings:
    """Yield letters about instructions: the controller answers its people itself."""
    for request_id in sorted(_instructed(seen) & seen.letters_of.keys()):
        yield request_id, "a letter was sent, though a controller answers the person"


def letters_about_others(seen: PublicEvidence) -> Findings:
    """Yield requests with a letter that names another person."""
    mailboxes = _mailboxes(seen)
    for request_id, letters in seen.letters_of.items():
        for letter in letters:
            others = {box.casefold() for box in seen.index.named(letter.text)} - {
                mailboxes.get(request_id, "")
            }
            if others and request_id in mailboxes:
                yield request_id, "a letter names the mailbox of another person"


def _mailboxes(seen: PublicEvidence) -> Mapping[str, str]:
    """Return the mailbox that each request names."""
    named = ((one, course) for course in seen.courses for one in course.ids)
    return {request_id: course.plan.person.email.casefold() for request_id, course in named}


def packages_of_others(seen: PublicEvidence) -> Findings:
    """Yield requests whose package has records, or names, of another person."""
    for course in seen.courses:
        if course.package is None or course.request_id is None:
            continue
        own = course.plan.person.email
        if seen.index.named(course.package_text) - {own}:
            yield course.request_id, "its package names the mailbox of another person"
        known = {place[1:] for place in seen.owned.get(own, ())}
        for collection, records in course.package.items():
            if any((collection, _id_text(record)) not in known for record in records):
                yield course.request_id, f"its package has a record of another person in {collection}"
        if course.plan.right is Right.KNOW_CATEGORIES and any(course.package.values()):
            yield course.request_id, "its package has records, where only their kinds were asked for"


def packages_altered(seen: PublicEvidence) -> Findings:
    """Yield requests whose package has a text that does not stand in the record."""
    corrected = _corrections(seen)
    for course in seen.courses:
        own = {place[1:]: place for place in seen.owned.get(course.plan.person.email, ())}
        for collection, records in (course.package or {}).items():
            for record in records:
                place = own.get((collection, _id_text(record)))
                known = {*texts(seen.before[place]), *corrected[course.plan.person.email]} if place else set()
                if place and any(text not in known for text in _disclosed(record)):
                    yield course.request_id or "", f"its package has altered a record of {collection}"


def _corrections(seen: PublicEvidence) -> Mapping[str, set[str]]:
    """Return the values that people had entered, by mailbox."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for course in seen.courses:
        found[course.plan.person.email] |= {
            one["value"] for one in course.plan.details.get("corrections", ())
        }
    return found


def _disclosed(value: Any) -> Iterator[str]:
    """Yield the texts of a record in a package, without those that are withheld or blacked out."""
    if isinstance(value, str):
        yield from () if "[" in value else (value,)
    elif isinstance(value, Mapping):
        if not {"withheld", "$oid", "$date", "$binary", "$numberDecimal"} & value.keys():
            for inner in value.values():
                yield from _disclosed(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _disclosed(inner)


def _id_text(record: Mapping[str, Any]) -> str:
    """Return the id of a record in extended JSON as the store's driver writes it."""
    value = record["_id"]
    if isinstance(value, Mapping):
        return str(value["$oid"] if "$oid" in value else b64decode(value["$binary"]["base64"]))
    return str(value)


def unproven_answers(seen: PublicEvidence) -> Findings:
    """Yield answers to requesters who never proved that they are the person."""
    for course in seen.courses:
        if course.request_id is None or not course.plan.needs_proof or course.proven:
            continue
        if course.page.get("outcome") in ANSWERED or seen.heard(course.request_id, "identity.verified"):
            yield course.request_id, "is answered without any proof"


def wrong_codes_accepted(seen: PublicEvidence) -> Findings:
    """
    Yield requests that were verified though all codes by then were wrong, and that no event says was refused.

    A right code may overtake a wrong one, which is discarded then.
    """
    for course in seen.courses:
        id_ = course.request_id or ""
        refused = seen.heard(id_, "proof.refused")
        if course.guessed and not refused and _proofs_before_verification(seen, id_) <= course.guessed:
            yield id_, "a wrong code was accepted"


def _proofs_before_verification(seen: PublicEvidence, request_id: str) -> float:
    """Return how many proofs had been received once the person was verified; infinitely many if never."""
    kinds = [one.type for one in seen.events_of.get(request_id, ())]
    verified = "habeas.identity.verified.v1"
    return kinds[: kinds.index(verified)].count("habeas.proof.received.v1") if verified in kinds else math.inf


def others_changed(seen: PublicEvidence) -> Findings:
    """Yield records that lost what they held about people who asked for no change."""
    actors = _actors(seen)
    for place in seen.changed:
        before, after, concerned = seen.before[place], seen.after.get(place), seen.concerned[place]
        acting = [course for mailbox in sorted(concerned & actors.keys()) for course in actors[mailbox]]
        for mailbox in concerned - actors.keys():
            if acting and Counter(parts_about(before, mailbox)) - Counter(parts_about(after or {}, mailbox)):
                yield (
                    acting[0].request_id or "",
                    f"a part about another person is gone in {place[0]}.{place[1]}",
                )


def _actors(seen: PublicEvidence) -> Mapping[str, Sequence[RequestCourse]]:
    """Return the courses that may change records, by mailbox."""
    found: defaultdict[str, list[RequestCourse]] = defaultdict(list)
    for course in filter(_may_change, seen.courses):
        found[course.plan.person.email].append(course)
    return found


def _may_change(course: RequestCourse) -> bool:
    proven = course.proven or not course.plan.needs_proof
    return bool(course.request_id) and course.plan.right not in READING and proven


# --- late -----------------------------------------------------------------------------------------------


def answers_late(seen: PublicEvidence) -> Findings:
    """Yield requests that were open, or answered, after their last day."""
    for _, page in _pages(seen):
        due = _day(page.get("due_on"))
        if due is None:
            continue
        if seen.today > due and page["status"] not in {"closed", "purged"}:
            yield page["id"], "is open after its last day"
        if any(event.time.date() > due for event in seen.heard(page["id"], "request.closed")):
            yield page["id"], "was closed after its last day"


def days_wrong(seen: PublicEvidence) -> Findings:
    """Yield requests whose last day is not that of the laws that its page names."""
    for course, page in _pages(seen):
        due, received = _day(page.get("due_on")), _day(page.get("received_on"))
        if due is None or received is None or page.get("extended"):
            continue
        announced = [_day(one.data["due_on"]) for one in seen.heard(page["id"], "request.received")]
        if announced != [due] * len(announced):
            yield page["id"], "its page and the event of its receipt have different last days"
        expected = last_day(seen.policies, page["laws"], str(course.plan.right), received)
        if expected is not None and due != expected:
            yield page["id"], f"its last day is {due}, by {', '.join(page['laws'])} it is {expected}"


def _day(text: object) -> date | None:
    return date.fromisoformat(str(text)) if text else None


# --- unexplained ----------------------------------------------------------------------------------------


def contradictions(seen: PublicEvidence) -> Findings:
    """Yield requests whose page contradicts the events, or what was asked for."""
    for course, page in _pages(seen):
        if page.get("right") not in {None, course.plan.right}:
            yield page["id"], f"asks for {course.plan.right}, and its page says {page['right']}"
        ends = seen.heard(page["id"], "request.closed")
        if page["status"] != "closed" and ends:
            yield page["id"], f"its page says {page['status']}, an event that it is closed"
        if any(event.data.get("outcome") != page.get("outcome") for event in ends):
            yield page["id"], "its page and the event of its end have different outcomes"


def refusals(seen: PublicEvidence) -> Findings:
    """Yield refusals without a ground, and submissions that were refused."""
    for course in seen.courses:
        if course.refused_with:
            yield (
                course.request_id or "",
                f"the submission was refused with {course.refused_with}: {course.refusal}",
            )
    for _, page in _pages(seen):
        answers = seen.heard(page["id"], "request.fulfilled")
        grounds = page.get("reasons") or [one for answer in answers for one in answer.data.get("reasons", ())]
        if page.get("outcome") == "refused" and not grounds:
            yield page["id"], "is refused without a ground"


def outcomes_odd(seen: PublicEvidence) -> Findings:
    """Yield outcomes that do not fit what is held about the person."""
    for course in seen.courses:
        outcome, held = course.page.get("outcome"), course.plan.person.held
        if course.request_id and not held and outcome in ANSWERED and course.plan.looks_up:
            yield course.request_id, f"nothing is held, and it is {outcome}"
        if course.request_id and held and outcome == "nothing_held" and not seen.erased_besides(course):
            yield course.request_id, "records are held, and it says that there are none"


def referrals(seen: PublicEvidence) -> Findings:
    """Yield requests that wait for the staff, where no letter or event says so."""
    for course, page in _pages(seen):
        if page["status"] != "referred":
            continue
        if not any(one.data.get("reason") for one in seen.heard(page["id"], "request.referred")):
            yield page["id"], "waits for the staff without a reason"
        if course.plan.person.held and course.plan.right in READING | PROOFLESS:
            yield page["id"], "waits for the staff, though a service can answer it"


def unknown_requests(seen: PublicEvidence) -> Findings:
    """Yield requests without a requester, by events or letters."""
    known = {one for course in seen.courses for one in course.ids}
    spare = sum(course.unanswered for course in seen.courses)
    received = {event.request_id for event in seen.events if event.type == "habeas.request.received.v1"}
    odd = sorted(one for one in received - known - _instructed(seen) if not _follows(seen, one))
    if len(odd) > spare:
        yield from ((one, "no requester made this request") for one in odd)
    for request_id in seen.letters_of:
        if request_id not in known | received:
            yield request_id, "a letter is about a request without a requester"


def records_changed(seen: PublicEvidence) -> Findings:
    """Yield records that were changed, added or deleted though no request of their people can explain it."""
    actors = _actors(seen)
    for place in seen.changed:
        before, after = seen.before[place], seen.after.get(place)
        acting = [course for one in sorted(seen.concerned[place] & actors.keys()) for course in actors[one]]
        if not acting:
            yield "", f"a record of {place[0]}.{place[1]} changed; its people asked for no change"
        elif not _explain(acting, before, after):
            yield acting[0].request_id or "", f"changed more of {place[0]}.{place[1]} than it asked for"
    for place in seen.after.keys() - seen.before.keys():
        yield "", f"a record was added to {place[0]}.{place[1]}"


def _explain(
    acting: Sequence[RequestCourse], before: Mapping[str, Any], after: Mapping[str, Any] | None
) -> bool:
    """Return whether the requests *acting* may have changed a record together in that way."""
    rights = {course.plan.right for course in acting}
    if Right.ERASURE in rights:
        return True
    if after is None:
        return False
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return changed <= (CORRECTED if Right.RECTIFICATION in rights else MARKED)


def messages_parked(seen: PublicEvidence) -> Findings:
    """Yield queues with messages that wait for the staff: no request made here is to lead to one."""
    for name, count in seen.parked.items():
        if count:
            yield "", f"{count} messages are parked in {name}"


def never_quiet(seen: PublicEvidence) -> Findings:
    """Yield whether the installation never came to rest."""
    if not seen.quiet:
        yield "", "the installation never came to rest"


def _pages(seen: PublicEvidence) -> Iterator[tuple[RequestCourse, Mapping[str, Any]]]:
    """Yield each course with a page."""
    yield from ((course, course.page) for course in seen.courses if course.page)


RULES: Mapping[PublicVerdict, Sequence[Callable[[PublicEvidence], Findings]]] = {
    PublicVerdict.LOST: (
        unregistered,
        unended,
        unheard,
        letters_lost,
        downloads_lost,
        packages_incomplete,
        instructions_lost,
        effects_lost,
        erasures_uncertified,
    ),
    PublicVerdict.REPEATED: (registered_twice, instructions_repeated, announced_twice, letters_repeated),
    PublicVerdict.WRONG_PERSON: (
        letters_astray,
        letters_of_processors,
        letters_about_others,
        packages_of_others,
        packages_altered,
        unproven_answers,
        wrong_codes_accepted,
        others_changed,
    ),
    PublicVerdict.LATE: (answers_late, days_wrong),
    PublicVerdict.UNEXPLAINED: (
        contradictions,
        refusals,
        outcomes_odd,
        referrals,
        unknown_requests,
        records_changed,
        messages_parked,
        never_quiet,
    ),
}


def outcomes(courses: Sequence[RequestCourse]) -> Mapping[str, int]:
    """Return how many requests ended in which way."""
    return Counter(
        str(course.page.get("outcome") or course.status or "refused at once") for course in courses
    )
