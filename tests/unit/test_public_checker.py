"""A sound run as seen from outside has no anomaly; each planted one is found, under its verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from bson import json_util

from bench.public.agency import AGENT_MAILBOX
from bench.public.checker import PublicVerdict, judge
from bench.public.evidence import PublicEvidence
from bench.public.instructions import SOURCE
from bench.public.letters import PublicLetter
from bench.public.listener import HeardEvent
from bench.public.requests import AskingChannel, Conduct, PublicPerson, RequestCourse, RequestPlan
from bench.public.stores import PeopleIndex, Place, people_in
from habeas.embedded.company import generate
from shared.contract.correlation import Correlation
from shared.law.library import policies
from shared.vocabulary import Right

TODAY = date(2026, 3, 2)
DUE = {Right.OPT_OUT_OF_SALE: date(2026, 3, 23)}
GDPR_DUE = date(2026, 4, 2)
GDPR = "gdpr@2018-05-25"
ACCESS, ERASURE, OPT_OUT, RESTRICTION, STRANGER = range(5)
"""Places of the courses."""


@cache
def company() -> Mapping[Place, Mapping[str, Any]]:
    """Return the records of a small company."""
    records = generate(3, 24, today=TODAY)
    return MappingProxyType({(base, name, str(one["_id"])): one for base, name, one in records})


@cache
def people() -> list[PublicPerson]:
    """Return the people that it knows."""
    return people_in(company())


@cache
def index() -> PeopleIndex:
    """Return an index of them."""
    return PeopleIndex.of(people())


@cache
def concerned() -> Mapping[Place, set[str]]:
    """Return the mailboxes of the people that each record is about."""
    return {place: index().concerned(place, record) for place, record in company().items()}


@cache
def laws() -> list[dict[str, Any]]:
    """Return the laws as the API lists them."""
    return [orjson.loads(policy.model_dump_json()) for policy in policies()]


@dataclass
class Run:
    """A sound run, which a test spoils."""

    courses: list[RequestCourse]
    letters: list[PublicLetter]
    events: list[HeardEvent]
    after: dict[Place, Any]
    parked: dict[str, int] = field(default_factory=dict)

    @property
    def seen(self) -> PublicEvidence:
        """What the checker gets."""
        return PublicEvidence(
            self.courses, self.letters, self.events, company(), self.after, people(), TODAY,
            parked=self.parked, policies=laws(),
        )  # fmt: skip

    def about(self, place: int) -> tuple[RequestCourse, str]:
        """Return a course and the id of its request."""
        course = self.courses[place]
        assert course.request_id
        return course, course.request_id


def sound() -> Run:
    """Return a run of five people: all but a stranger are answered."""
    run = Run([], [], [], dict(company()))
    asking = [one for one in people() if one.number and subscribes(one)]
    rights = (Right.ACCESS, Right.ERASURE, Right.OPT_OUT_OF_SALE, Right.RESTRICTION, Right.ACCESS)
    for place, (person, right) in enumerate(zip(asking, rights, strict=False)):
        conduct = Conduct.STRANGER if place == STRANGER else Conduct.PLAIN
        plan = RequestPlan(place, person, right, AskingChannel.EVENT, conduct, f"ticket-{place}")
        add(run, plan)
    for place in (ERASURE, OPT_OUT, RESTRICTION):
        change(run, run.courses[place])
    return run


def subscribes(person: PublicPerson) -> bool:
    """Return whether *person* gets the newsletter."""
    letters = (record for place, record in company().items() if place[1] == "newsletter")
    return any(one["email"].casefold() == person.email and one["subscribed"] for one in letters)


def add(run: Run, plan: RequestPlan) -> None:
    """Let *plan* be carried out, but for its effect."""
    id_ = f"{plan.place:032x}"
    due = DUE.get(plan.right, GDPR_DUE)
    course = RequestCourse(plan, id_, accepted=True)
    received = {"due_on": due.isoformat()}
    say(run, id_, "request.received", received, Correlation("shop.example", plan.reference))
    course.page = {
        "id": id_, "status": "challenged", "received_on": TODAY.isoformat(), "due_on": due.isoformat(),
        "laws": [GDPR], "timeline": [], "wanted": [["mailbox"]],
    }  # fmt: skip
    course.guessed = 2 * (plan.conduct is Conduct.STRANGER)
    write(run, plan, id_, "Your code to confirm your request")
    if plan.conduct is not Conduct.STRANGER:
        course.proven = plan.needs_proof
        if plan.needs_proof:
            say(run, id_, "identity.verified", {})
        course.page = {**course.page, "status": "closed", "outcome": "granted"}
        say(run, id_, "request.fulfilled", {"reasons": {}})
        write(run, plan, id_, "Your answer")
        say(run, id_, "request.closed", {"outcome": "granted"})
    if plan.right is Right.ACCESS and course.proven:
        course.page = {**course.page, "package_url": "https://privacy.example.com/package"}
        course.package = package_of(plan.person)
        course.package_text = str(course.package)
    if plan.right is Right.ERASURE:
        course.certificate = {"collections": [], "verification": {"remaining": 0}}
    run.courses.append(course)


def say(run: Run, id_: str, kind: str, data: dict[str, Any], publisher: Correlation | None = None) -> None:
    """Let an event be heard."""
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    run.events.append(HeardEvent(f"e{len(run.events)}", f"habeas.{kind}.v1", id_, at, data, publisher))


def write(run: Run, plan: RequestPlan, id_: str, subject: str) -> None:
    """Let a letter arrive, and its event be heard."""
    letter = PublicLetter((plan.person.email,), f"m{len(run.letters)}", id_, subject, "Hello")
    run.letters.append(letter)
    say(run, id_, "notice.sent", {"letter": "outcome", "doubtful": False})


def package_of(person: PublicPerson) -> dict[str, list[dict[str, Any]]]:
    """Return the records of *person*, by collection, as a package has them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for place, record in company().items():
        if person.email in concerned()[place]:
            kept = {name: value for name, value in record.items() if name in {"_id", "language"}}
            found.setdefault(place[1], []).append(orjson.loads(json_util.dumps(kept)))
    return found


def change(run: Run, course: RequestCourse) -> None:
    """Carry out what a request asks for."""
    person = course.plan.person
    for place, record in list(run.after.items()):
        if course.plan.right is Right.ERASURE and person.email in concerned()[place]:
            run.after[place] = without(record, person.email)
            if place[1] in {"contacts", "newsletter"}:
                del run.after[place]
        subscription = place[1] == "newsletter" and record["email"].casefold() == person.email
        if course.plan.right is Right.OPT_OUT_OF_SALE and subscription:
            run.after[place] = {**record, "subscribed": False}
        if course.plan.right is Right.RESTRICTION and str(record["_id"]) in {
            person.contact,
            str(person.number),
        }:
            run.after[place] = {**record, "restricted": True}


def without(value: Any, mailbox: str) -> Any:
    """Return *value* without the parts that name *mailbox*."""
    if isinstance(value, Mapping):
        kept = {key: without(inner, mailbox) for key, inner in value.items()}
        return {} if any(names(one, mailbox) for one in value.values()) and "_id" not in value else kept
    if isinstance(value, list):
        return [without(one, mailbox) for one in value if not names(one, mailbox)]
    return None if names(value, mailbox) else value


def names(value: Any, mailbox: str) -> bool:
    """Return whether the text *value* names *mailbox*."""
    return isinstance(value, str) and mailbox in value.casefold()


def test_sound_run_has_no_anomaly() -> None:
    run = sound()
    assert len(run.courses) == 5
    assert judge(run.seen) == []


def test_instruction_of_a_controller_and_letters_to_an_agent_are_no_anomalies() -> None:
    run = sound()
    instruct(run, 1)
    ask_by_agent(run)
    assert judge(run.seen) == []


def instruct(run: Run, registered: int) -> None:
    """Let a controller's instruction be taken and *registered* so many times; it knows its own id alone."""
    plan = replace(run.courses[ACCESS].plan, channel=AskingChannel.CONTROLLER, right=Right.PORTABILITY)
    page = {"id": "their-id", "status": "closed", "outcome": "nothing_held"}
    stranger = replace(plan.person, email="nobody@example.org", held=False)
    run.courses.append(RequestCourse(replace(plan, person=stranger), "their-id", accepted=True, page=page))
    for number in range(registered):
        say(run, f"{9:031x}{number}", "request.received", {"source": SOURCE})


def ask_by_agent(run: Run, text: str = "Hello") -> None:
    """Let the access be asked for by an agent, which gets a letter with *text*."""
    course, id_ = run.about(ACCESS)
    course.plan = replace(course.plan, channel=AskingChannel.AGENT)
    say(run, id_, "notice.sent", {"letter": "acknowledgement", "doubtful": False})
    run.letters.append(PublicLetter((AGENT_MAILBOX,), "to-agent", id_, "We received it", text))


def is_end(event: HeardEvent, id_: str) -> bool:
    """Return whether *event* is the end of a request."""
    return event.request_id == id_ and event.type == "habeas.request.closed.v1"


# --- planted anomalies ----------------------------------------------------------------------------------


def never_registered(run: Run) -> None:
    run.courses[OPT_OUT].request_id = None
    run.events[:] = [one for one in run.events if one.request_id != f"{OPT_OUT:032x}"]
    run.letters[:] = [one for one in run.letters if one.request_id != f"{OPT_OUT:032x}"]


def stands(run: Run) -> None:
    course, id_ = run.about(ACCESS)
    course.page = {**course.page, "status": "verified", "outcome": None}
    run.events[:] = [one for one in run.events if not is_end(one, id_)]


def end_unheard(run: Run) -> None:
    _, id_ = run.about(ACCESS)
    run.events[:] = [one for one in run.events if not is_end(one, id_)]


def letter_lost(run: Run) -> None:
    run.letters.pop()


def package_lost(run: Run) -> None:
    run.courses[ACCESS].package = None


def certificate_lost(run: Run) -> None:
    run.courses[ERASURE].certificate = None


def erasure_undone(run: Run) -> None:
    place = of_person(run, ERASURE, "contacts")
    run.after[place] = company()[place]


def opt_out_undone(run: Run) -> None:
    place = of_person(run, OPT_OUT, "newsletter")
    run.after[place] = company()[place]


def restriction_undone(run: Run) -> None:
    place = of_person(run, RESTRICTION, "customers")
    run.after[place] = company()[place]


def reference_registered_twice(run: Run) -> None:
    first = next(one for one in run.events if one.request_id == f"{ACCESS:032x}")
    run.courses[ACCESS].other_ids = {"f" * 32}
    run.events.append(replace(first, id="other", request_id="f" * 32))


def resent_registered_anew(run: Run) -> None:
    run.courses[ACCESS].other_ids = {"f" * 32}


def end_announced_twice(run: Run) -> None:
    say(run, run.about(ACCESS)[1], "request.closed", {"outcome": "granted"})


def letter_twice(run: Run) -> None:
    run.letters.append(run.letters[-1])


def letter_again(run: Run) -> None:
    course, id_ = run.about(ACCESS)
    write(run, course.plan, id_, "Your answer")


def letter_astray(run: Run) -> None:
    run.letters[-1] = replace(run.letters[-1], recipients=("mallory@elsewhere.example",))


def letter_about_another(run: Run) -> None:
    run.letters[-1] = replace(run.letters[-1], text=f"Hello {run.courses[ERASURE].plan.person.email}")


def record_of_another(run: Run) -> None:
    run.courses[ACCESS].package = package_of(run.courses[OPT_OUT].plan.person)


def name_of_another(run: Run) -> None:
    run.courses[ACCESS].package_text += run.courses[OPT_OUT].plan.person.email


def package_incomplete(run: Run) -> None:
    run.courses[ACCESS].package = {**package_of(run.courses[ACCESS].plan.person), "sessions": []}


def package_altered(run: Run) -> None:
    package = package_of(run.courses[ACCESS].plan.person)
    package["contacts"][0]["language"] = "tlh"
    run.courses[ACCESS].package = package


def categories_disclosed(run: Run) -> None:
    run.courses[ACCESS].plan = replace(run.courses[ACCESS].plan, right=Right.KNOW_CATEGORIES)


def erasure_incomplete(run: Run) -> None:
    run.courses[ERASURE].certificate = {"collections": [], "verification": {"remaining": 1}}


def correction_undone(run: Run) -> None:
    corrected = {"corrections": [{"field": "city", "value": "Newtown"}]}
    plan = replace(run.courses[RESTRICTION].plan, right=Right.RECTIFICATION, details=corrected)
    run.courses[RESTRICTION].plan = plan


def other_right(run: Run) -> None:
    course, _ = run.about(OPT_OUT)
    course.page = {**course.page, "right": "erasure"}


def stranger_answered(run: Run) -> None:
    say(run, run.about(STRANGER)[1], "identity.verified", {})


def wrong_code_accepted(run: Run) -> None:
    course = run.courses[ACCESS]
    course.guessed = 1
    received = replace(run.events[0], type="habeas.proof.received.v1", request_id=course.request_id or "")
    run.events[:0] = [replace(received, id="wrong")]
    run.events.append(replace(received, id="right, too late"))


def test_right_code_may_overtake_a_wrong_one() -> None:
    run = sound()
    wrong_code_accepted(run)
    run.events.insert(0, run.events.pop())
    assert judge(run.seen) == []


def others_part_gone(run: Run) -> None:
    mailbox = run.courses[ERASURE].plan.person.email
    place = next(
        place
        for place, record in company().items()
        if place[1] == "accounts" and len(record["members"]) > 1 and mailbox in str(record)
    )
    run.after[place] = {**run.after[place], "members": []}


def bystander_changed(run: Run) -> None:
    place = of_person(run, STRANGER, "contacts")
    run.after[place] = {**company()[place], "restricted": True}


def too_much_changed(run: Run) -> None:
    place = of_person(run, RESTRICTION, "contacts")
    run.after[place] = {**run.after[place], "language": "xx"}


def record_added(run: Run) -> None:
    run.after["portal", "contacts", "new"] = {"_id": "new"}


def day_moved(run: Run) -> None:
    course, id_ = run.about(ACCESS)
    course.page = {**course.page, "due_on": "2026-04-03"}
    place = next(n for n, one in enumerate(run.events) if one.request_id == id_)
    run.events[place] = replace(run.events[place], data={"due_on": "2026-04-03"})


def days_differ(run: Run) -> None:
    course, _ = run.about(ACCESS)
    course.page = {**course.page, "due_on": "2026-04-01"}


def answered_late(run: Run) -> None:
    id_ = run.about(ACCESS)[1]
    place = next(n for n, one in enumerate(run.events) if is_end(one, id_))
    run.events[place] = replace(run.events[place], time=datetime(2026, 5, 1, tzinfo=UTC))


def page_contradicts(run: Run) -> None:
    course, _ = run.about(OPT_OUT)
    course.page = {**course.page, "outcome": "refused", "reasons": ["unproven"]}


def refused_without_ground(run: Run) -> None:
    course, id_ = run.about(OPT_OUT)
    course.page = {**course.page, "outcome": "refused"}
    place = next(n for n, one in enumerate(run.events) if is_end(one, id_))
    run.events[place] = replace(run.events[place], data={"outcome": "refused"})


def submission_refused(run: Run) -> None:
    run.courses[ACCESS].refused_with = 422


def nothing_held(run: Run) -> None:
    course, _ = run.about(ACCESS)
    course.page = {**course.page, "outcome": "nothing_held"}


def referred(run: Run) -> None:
    course, _ = run.about(ACCESS)
    course.page = {**course.page, "status": "referred"}


def message_parked(run: Run) -> None:
    run.parked = {"habeas.notifier.parking": 1}


def request_without_requester(run: Run) -> None:
    say(run, "f" * 32, "request.received", {"due_on": GDPR_DUE.isoformat()})


def instruction_lost(run: Run) -> None:
    instruct(run, 0)


def instruction_twice(run: Run) -> None:
    instruct(run, 2)


def letter_about_instruction(run: Run) -> None:
    instruct(run, 1)
    write(run, run.courses[ACCESS].plan, f"{9:031x}0", "Your answer")


def code_for_agent(run: Run) -> None:
    ask_by_agent(run, "Your code:\n\n123456\n")


PLANTED: Mapping[Callable[[Run], None], tuple[PublicVerdict, str]] = {
    never_registered: (PublicVerdict.LOST, "never registered"),
    stands: (PublicVerdict.LOST, "has no end"),
    end_unheard: (PublicVerdict.LOST, "no event announced its end"),
    letter_lost: (PublicVerdict.LOST, "letters sent"),
    package_lost: (PublicVerdict.LOST, "package cannot be downloaded"),
    certificate_lost: (PublicVerdict.LOST, "certificate cannot be downloaded"),
    instruction_lost: (PublicVerdict.LOST, "1 instructions of the controller were taken, 0 registered"),
    erasure_undone: (PublicVerdict.LOST, "named in 1 records of portal.contacts too many"),
    erasure_incomplete: (PublicVerdict.LOST, "something remains"),
    package_incomplete: (PublicVerdict.LOST, "lacks a record of portal.sessions"),
    correction_undone: (PublicVerdict.LOST, "the correction is not made"),
    opt_out_undone: (PublicVerdict.LOST, "the newsletter goes on"),
    restriction_undone: (PublicVerdict.LOST, "no mark of restriction"),
    reference_registered_twice: (PublicVerdict.REPEATED, "has the reference of"),
    resent_registered_anew: (PublicVerdict.REPEATED, "was submitted as"),
    end_announced_twice: (PublicVerdict.REPEATED, "announced with several ids"),
    instruction_twice: (PublicVerdict.REPEATED, "were taken, 2 registered"),
    letter_twice: (PublicVerdict.REPEATED, "a letter came twice"),
    letter_again: (PublicVerdict.REPEATED, "two letters say the same"),
    letter_astray: (PublicVerdict.WRONG_PERSON, "another mailbox"),
    code_for_agent: (PublicVerdict.WRONG_PERSON, "another mailbox"),
    letter_about_instruction: (PublicVerdict.WRONG_PERSON, "a controller answers the person"),
    letter_about_another: (PublicVerdict.WRONG_PERSON, "names the mailbox of another"),
    record_of_another: (PublicVerdict.WRONG_PERSON, "record of another person in contacts"),
    name_of_another: (PublicVerdict.WRONG_PERSON, "names the mailbox of another person"),
    package_altered: (PublicVerdict.WRONG_PERSON, "has altered a record of contacts"),
    categories_disclosed: (PublicVerdict.WRONG_PERSON, "where only their kinds"),
    stranger_answered: (PublicVerdict.WRONG_PERSON, "without any proof"),
    wrong_code_accepted: (PublicVerdict.WRONG_PERSON, "a wrong code was accepted"),
    others_part_gone: (PublicVerdict.WRONG_PERSON, "a part about another person is gone"),
    day_moved: (PublicVerdict.LATE, "it is 2026-04-02"),
    days_differ: (PublicVerdict.LATE, "different last days"),
    answered_late: (PublicVerdict.LATE, "closed after its last day"),
    bystander_changed: (PublicVerdict.UNEXPLAINED, "asked for no change"),
    too_much_changed: (PublicVerdict.UNEXPLAINED, "than it asked for"),
    record_added: (PublicVerdict.UNEXPLAINED, "was added"),
    other_right: (PublicVerdict.UNEXPLAINED, "its page says erasure"),
    page_contradicts: (PublicVerdict.UNEXPLAINED, "different outcomes"),
    refused_without_ground: (PublicVerdict.UNEXPLAINED, "without a ground"),
    submission_refused: (PublicVerdict.UNEXPLAINED, "refused with 422"),
    nothing_held: (PublicVerdict.UNEXPLAINED, "says that there are none"),
    referred: (PublicVerdict.UNEXPLAINED, "waits for the staff"),
    message_parked: (PublicVerdict.UNEXPLAINED, "1 messages are parked"),
    request_without_requester: (PublicVerdict.UNEXPLAINED, "no requester made this request"),
}


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_planted_anomaly_is_found_and_names_no_person(plant: Callable[[Run], None]) -> None:
    run = sound()
    plant(run)
    verdict, words = PLANTED[plant]
    found = judge(run.seen)
    assert [one for one in found if one.verdict is verdict and words in one.what], found
    assert not any(one.email in str(found) or one.name in str(found) for one in people())


def of_person(run: Run, place: int, collection: str) -> Place:
    """Return where the person of a course stands in *collection*."""
    mailbox = run.courses[place].plan.person.email
    return next(at for at, boxes in concerned().items() if at[1] == collection and mailbox in boxes)
