"""
What a crash run must have left behind, and what of it is not so. Pure: evidence in, findings out.

Nothing lost: every message has its row, every fact reached everybody who listens for it, every request came
to its end, every letter was accepted. Nothing doubled: one row per event, one change per record, one end per
request. Letters alone can be sent twice, and then it is known which.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bench.evidence import Entry, Evidence, Place, Told
from bench.installation import MASTER_KEY, SOURCE
from bench.requesters import ACCOUNTS, Kind, Load, Requester
from bench.upstream import HEARS
from services.intake.domain import request_id
from shared.contract.events import (
    IdentityAssessed,
    IdentityChallenged,
    NoticeSent,
    RequestClosed,
    RequestFulfilled,
    RequestReceived,
    RequestRejected,
    RequestWithdrawn,
    SubjectErased,
)
from shared.contract.topology import LISTENS
from shared.runtime.key_rings import derived_key

LETTERS = (RequestFulfilled.TYPE, RequestWithdrawn.TYPE)
"""Facts that a person is written to about, in this run, beside the receipt."""
OUTCOMES = {
    Kind.ERASURE: "granted",
    Kind.ACCESS: "granted",
    Kind.STRANGER: "nothing_held",
    Kind.OPT_OUT: "granted",
}


class Verdict(StrEnum):
    """What a finding amounts to."""

    LOST = "lost"
    DOUBLED = "done twice"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be."""

    verdict: Verdict
    what: str
    where: str
    """A case, a queue, or a document."""


@dataclass(frozen=True, slots=True)
class Books:
    """The evidence, sorted for looking things up."""

    load: Load
    evidence: Evidence
    cases: Mapping[str, Requester]
    facts: Mapping[str, Mapping[str, list[Told]]]
    """Case → type → facts that any service has journalled."""
    handled: Mapping[str, frozenset[str]]
    """Service → events with a row or a note."""
    doubtful: frozenset[str] = field(default=frozenset())
    """Letters that the notifier says may have been sent twice."""


def books(load: Load, evidence: Evidence) -> Books:
    """Return *evidence*, sorted."""
    key = derived_key(MASTER_KEY, "request ids")
    facts: defaultdict[str, defaultdict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for entry in _all(evidence.journals):
        for fact in entry.facts:
            facts[entry.case][fact.type].append(fact)
    return Books(
        load,
        evidence,
        {request_id(SOURCE, asked.reference, key=key): asked for asked in load.requesters},
        facts,
        {
            name: evidence.notes.get(name, frozenset()).union(entry.cause for entry in rows)
            for name, rows in evidence.journals.items()
        },
        frozenset(
            entry.cause
            for entry in evidence.journals["notifier"]
            if any(fact.type == NoticeSent.TYPE and fact.data.get("doubtful") for fact in entry.facts)
        ),
    )


def audit(kept: Books) -> list[Finding]:
    """Return everything that is not as it must be."""
    checks = (
        _messages,
        _rows,
        _hops,
        _ends,
        _set_aside,
        _told_upstream,
        _records,
        _letters,
        _claims,
        _queues,
    )
    return [finding for check in checks for finding in check(kept)]


def doubled_letters(kept: Books) -> int:
    """Return how many letters the mail server accepted more than once."""
    return sum(times > 1 for times in kept.evidence.letters.values())


def _all(journals: Mapping[str, Sequence[Entry]]) -> Iterator[Entry]:
    for rows in journals.values():
        yield from rows


def _messages(kept: Books) -> Iterator[Finding]:
    """Every message that was accepted and can be read has its row at intake."""
    for cause in kept.load.causes - kept.handled["intake"]:
        yield Finding(Verdict.LOST, "accepted message without a row", cause)


def _rows(kept: Books) -> Iterator[Finding]:
    """No event has two rows of one case, or a row and a note; rows of a case are numbered without a gap."""
    for service, rows in kept.evidence.journals.items():
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        causes: Counter[tuple[str, str]] = Counter()
        for entry in rows:
            numbers[entry.case].append(entry.n)
            causes[entry.case, entry.cause] += 1
        for (case, _), times in causes.items():
            if times > 1:
                yield Finding(Verdict.DOUBLED, f"event with {times} rows at {service}", case)
        for case, cause in causes:
            if cause in kept.evidence.notes.get(service, ()):
                yield Finding(Verdict.DOUBLED, f"event with a row and a note at {service}", case)
        for case, found in numbers.items():
            if sorted(found) != list(range(len(found))):
                yield Finding(Verdict.LOST, f"gap in the rows of {service}", case)


def _hops(kept: Books) -> Iterator[Finding]:
    """Every fact was handled by each service that listens for it, and nothing was that nobody told."""
    told = {fact.id for types in kept.facts.values() for facts in types.values() for fact in facts}
    for case, types in kept.facts.items():
        for service, listens in LISTENS.items():
            for fact in (fact for type_ in listens for fact in types.get(type_, ())):
                if fact.id not in kept.handled[service] and not _is_ignored(service, fact):
                    yield Finding(Verdict.LOST, f"{fact.type} never handled by {service}", case)
    for entry in _all(kept.evidence.journals):
        if entry.event and entry.cause not in told:
            yield Finding(Verdict.WRONG, f"{entry.event} that no service has told", entry.case)


def _is_ignored(service: str, fact: Told) -> bool:
    """Return whether *service* leaves *fact* to another one: the notifier asks for all proofs but codes."""
    return service == "codes" and fact.type == IdentityChallenged.TYPE and not fact.data.get("ref")


def _ends(kept: Books) -> Iterator[Finding]:
    """Every request came to its end, once."""
    for case, asked in kept.cases.items():
        facts = kept.facts.get(case, {})
        times = {type_: len(found) for type_, found in facts.items()}
        yield from _exactly(1, times.get(RequestReceived.TYPE, 0), "registered", case)
        yield from _exactly(_closings(times), times.get(RequestClosed.TYPE, 0), "closed", case)
        if not asked.withdraws:
            yield from _exactly(1, times.get(RequestFulfilled.TYPE, 0), "answered", case)
        for fact in facts.get(RequestFulfilled.TYPE, ()):
            if fact.data["outcome"] != OUTCOMES[asked.kind]:
                yield Finding(Verdict.WRONG, f"{asked.kind} answered {fact.data['outcome']}", case)


def _closings(times: Mapping[str, int]) -> range:
    """Return how often a case may be closed: where withdrawal and answer crossed, both letters close it."""
    withdrawn, answered = times.get(RequestWithdrawn.TYPE, 0), times.get(RequestFulfilled.TYPE, 0)
    return range(1, 3 if withdrawn and answered else 2)


def _exactly(wanted: int | range, times: int, done: str, case: str) -> Iterator[Finding]:
    """Find fault with something *done* other than *wanted* times."""
    allowed = range(wanted, wanted + 1) if isinstance(wanted, int) else wanted
    if times < allowed.start:
        yield Finding(Verdict.LOST, f"{done}: {times} times instead of {allowed.start}", case)
    if times >= allowed.stop:
        yield Finding(Verdict.DOUBLED, f"{done}: {times} times", case)


def _set_aside(kept: Books) -> Iterator[Finding]:
    """Every message that nobody can read is set aside, once, as a case of its own."""
    aside = {
        case: len(types[RequestRejected.TYPE])
        for case, types in kept.facts.items()
        if case not in kept.cases and RequestRejected.TYPE in types
    }
    yield from _exactly(kept.load.malformed, len(aside), "set aside, of all that cannot be read", "intake")
    for case, times in aside.items():
        yield from _exactly(1, times, "set aside", case)


def _told_upstream(kept: Books) -> Iterator[Finding]:
    """What upstream heard are exactly the facts in the journals; each has one id, however often it came."""
    for type_ in HEARS:
        heard = kept.evidence.heard.get(type_, {})
        for case in {*kept.facts, *heard}:
            told = {fact.id for fact in kept.facts.get(case, {}).get(type_, ())}
            if told - heard.get(case, set()):
                yield Finding(Verdict.LOST, f"{type_} not heard upstream", case)
            if heard.get(case, set()) - told:
                yield Finding(Verdict.DOUBLED, f"{type_} heard under an id that no journal has", case)


def _records(kept: Books) -> Iterator[Finding]:
    """What was to be erased is, by one change each, and everything else is as it was, untouched."""
    erased = {
        asked.number for case, asked in kept.cases.items() if kept.facts.get(case, {}).get(SubjectErased.TYPE)
    }
    for place, before in kept.evidence.before.items():
        after, where = kept.evidence.after.get(place), f"{place[0]} {place[1]}"
        if place[1] not in erased:
            if after != before or _changed(kept, place):
                yield Finding(Verdict.WRONG, "record of somebody who was not erased has changed", where)
        elif (after is not None) if place[0] == ACCOUNTS else (after is None or _email(place) in after):
            yield Finding(Verdict.LOST, "record of an erased person is still there", where)
        elif _changed(kept, place) != 1:
            yield Finding(Verdict.DOUBLED, f"record erased {_changed(kept, place)} times", where)
    for place in kept.evidence.after.keys() - kept.evidence.before.keys():
        yield Finding(Verdict.WRONG, "record that nobody has written", f"{place[0]} {place[1]}")


def _changed(kept: Books, place: Place) -> int:
    return sum(kept.evidence.changes.get((place, operation), 0) for operation in "ud")


def _email(place: Place) -> bytes:
    return f"p{place[1]}@requesters.example".encode()


def _letters(kept: Books) -> Iterator[Finding]:
    """Every letter was accepted; one that was accepted twice is one that the notifier calls doubtful."""
    expected = set(_expected_letters(kept))
    for letter in expected - kept.evidence.letters.keys():
        yield Finding(Verdict.LOST, "letter never accepted", letter[1])
    for letter in kept.evidence.letters.keys() - expected:
        yield Finding(Verdict.WRONG, "letter that no fact calls for", letter[1])
    for letter, times in kept.evidence.letters.items():
        if times > 1 and letter[1] not in kept.doubtful:
            yield Finding(Verdict.DOUBLED, f"letter sent {times} times unnoticed", letter[1])


def _expected_letters(kept: Books) -> Iterable[tuple[str, str]]:
    for case, asked in kept.cases.items():
        receipt = RequestReceived.TYPE if asked.kind is Kind.OPT_OUT else IdentityAssessed.TYPE
        for type_ in (receipt, *LETTERS):
            for fact in kept.facts.get(case, {}).get(type_, ()):
                yield asked.email, fact.id


def _claims(kept: Books) -> Iterator[Finding]:
    """No letter was begun and never recorded."""
    for letter in kept.evidence.claims - kept.handled["notifier"]:
        yield Finding(Verdict.LOST, "letter begun and never recorded", letter)


def _queues(kept: Books) -> Iterator[Finding]:
    """Nothing is left over: neither waiting, nor parked."""
    for name, count in kept.evidence.queues.items():
        if count:
            yield Finding(Verdict.LOST, f"{count} messages left", name)
