"""The evidence of a run, as the public contract shows it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from bench.public.letters import PublicLetter
from bench.public.listener import HeardEvent
from bench.public.requests import PublicPerson, RequestCourse
from bench.public.stores import PeopleIndex, Place, Records
from shared.vocabulary import Right


@dataclass(frozen=True)
class PublicEvidence:
    """All that is judged."""

    courses: Sequence[RequestCourse]
    letters: Sequence[PublicLetter]
    """In order of arrival, a letter that arrived twice twice."""
    events: Sequence[HeardEvent]
    before: Records
    after: Records
    people: Sequence[PublicPerson]
    """All people that the company knew."""
    today: date
    """In the company's zone."""
    quiet: bool = True
    """Whether everything had come to rest."""
    parked: Mapping[str, int] = field(default_factory=dict)
    """Messages in each parking queue, which wait for the staff."""
    policies: Sequence[Mapping[str, object]] = field(default_factory=tuple)
    """The laws as ``GET /v1/policies`` lists them."""

    @cached_property
    def index(self) -> PeopleIndex:
        """Finds the people that a record is about."""
        return PeopleIndex.of(self.people)

    @cached_property
    def concerned(self) -> Mapping[Place, set[str]]:
        """Record → mailboxes of the people that it was about."""
        return {place: self.index.concerned(place, record) for place, record in self.before.items()}

    @cached_property
    def owned(self) -> Mapping[str, Sequence[Place]]:
        """Mailbox → records that were about its owner."""
        found: defaultdict[str, list[Place]] = defaultdict(list)
        for place, mailboxes in self.concerned.items():
            for mailbox in mailboxes:
                found[mailbox].append(place)
        return found

    def erased_besides(self, course: RequestCourse) -> bool:
        """Return whether the same person asks for an erasure in another request."""
        return any(
            other is not course
            and other.plan.right is Right.ERASURE
            and other.plan.person == course.plan.person
            for other in self.courses
        )

    @cached_property
    def changed(self) -> Sequence[Place]:
        """Records that are not as they were."""
        return [place for place, record in self.before.items() if self.after.get(place) != record]

    @cached_property
    def letters_of(self) -> Mapping[str, Sequence[PublicLetter]]:
        """Request → its letters."""
        found: defaultdict[str, list[PublicLetter]] = defaultdict(list)
        for letter in self.letters:
            found[letter.request_id].append(letter)
        return found

    @cached_property
    def events_of(self) -> Mapping[str, Sequence[HeardEvent]]:
        """Request → its events, each once."""
        found: defaultdict[str, dict[str, HeardEvent]] = defaultdict(dict)
        for event in self.events:
            found[event.request_id].setdefault(event.id, event)
        return {request_id: tuple(events.values()) for request_id, events in found.items()}

    def heard(self, request_id: str, kind: str) -> list[HeardEvent]:
        """Return the events about a request whose type is ``habeas.<kind>.v1``, each once."""
        return [one for one in self.events_of.get(request_id, ()) if one.type == f"habeas.{kind}.v1"]


def traces_of(seen: PublicEvidence, request_id: str) -> Iterator[str]:
    """Yield a line for the conduct, and for each letter and event, of a request; no words of a person."""
    for course in seen.courses:
        if request_id in course.ids:
            asked = f"{course.plan.right} by {course.plan.channel}, {course.plan.conduct}"
            yield f"{asked}; proven {course.proven}, guessed {course.guessed}, page {dict(course.page)}"
    for letter in seen.letters_of.get(request_id, ()):
        yield f"letter {letter.message_id}: {letter.subject}"
    for event in sorted(seen.events_of.get(request_id, ()), key=lambda one: one.time):
        about = {name: event.data[name] for name in ("letter", "doubtful", "event") if name in event.data}
        yield f"event {event.time:%H:%M:%S} {event.id} {event.type} {about or ''}"
