"""Texts in packages that name other people, and names in the records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import pytest

from services.fulfillment.datamap.model import Collection, DataMap, Ownership
from services.fulfillment.package import answers
from services.fulfillment.package.builder import build
from services.fulfillment.package.people import People, people
from services.fulfillment.package.redaction import MOST_NAMES, Own
from services.fulfillment.package.survey import Disclosed, PackageSection
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.state import outcome_of_disclosure
from shared.contract.events import Outcome, RequestSubmitted, Residence, Subject
from shared.law import ReasonCode, Right
from shared.runtime.mongo import Document
from tests.unit.fulfillment.sample_records import CUSTOMERS, SIGNER, contents, field, parsed, unpacked

TICKETS = Collection(
    store="default",
    dataset="desk",
    name="tickets",
    where="map.yml:1",
    description="What was asked and answered.",
    fields=(
        field("_id", "system.operations", kind="long"),
        replace(field("from", "user.contact.email"), identity="email"),
        field("agent", "user.name"),
        replace(field("text", "user.content"), redact=True),
        field("thread", kind="object[]"),
        replace(field("thread.body", "user.content"), redact=True),
    ),
)
USERS = Collection(
    store="default",
    dataset="desk",
    name="users",
    where="map.yml:1",
    fields=(
        replace(field("email", "user.contact.email"), identity="email"),
        field("phone", "user.contact.phone_number"),
        field("name", "user.name"),
    ),
)
MAP = DataMap("abc", (TICKETS, USERS))
ADA, BOB = "ada@example.org", "bob@example.org"
SUBMITTED = RequestSubmitted(
    reference="r",
    right=Right.ACCESS,
    subject=Subject(name="Ada Example", email=ADA),
    residence=Residence(country="DE"),
)


def found(collection: Collection, document: Document, path: str = "email") -> FoundRecord:
    return FoundRecord(
        collection, {"_id": document.get("_id")}, document, (OwnershipMatch(path, None, (document[path],)),)
    )


def ticket(**more: Any) -> FoundRecord:
    return found(TICKETS, {"_id": 1, "from": ADA, **more}, "from")


def user(**more: Any) -> FoundRecord:
    return found(USERS, {"_id": 1, "email": ADA, **more})


def findings(*records: FoundRecord, aliases: Mapping[str, tuple[str, ...]] | None = None) -> Findings:
    counts = [(c.key, sum(f.collection is c for f in records)) for c in MAP.collections]
    coverage = tuple(Coverage(key, SearchStatus.SEARCHED, count) for key, count in counts)
    return Findings("abc", RecordTuple(records), coverage, aliases or {})


def who(*records: FoundRecord, aliases: Mapping[str, tuple[str, ...]] | None = None) -> People:
    return people(findings(*records, aliases=aliases), SUBMITTED, {"email": (ADA,)})


def handed_over(*records: FoundRecord) -> tuple[dict[str, bytes], Outcome]:
    held = findings(*records)
    sections = [PackageSection(c, Disclosed(held, c.key)) for c in MAP.collections]
    package = build(contents(*sections, people=who(*records)), signer=SIGNER)
    answer = answers.disclosure(package.summary, held, MAP)
    return unpacked(b"".join(package)), outcome_of_disclosure(answer)


def texts(*records: FoundRecord) -> Any:
    return parsed(handed_over(*records)[0]["data/default.tickets.json"])[0]


def test_text_with_others_blacked_out_grants_the_request() -> None:
    files, outcome = handed_over(
        ticket(text="Jane from IT: write to bob@example.org", agent="Jane Roe"), user(name="Ada Example")
    )
    assert outcome is Outcome.GRANTED
    for name, content in files.items():
        assert b"bob@example.org" not in content, name
    shown = parsed(files["data/default.tickets.json"])[0]
    assert shown["text"] == "[name of another person] from IT: write to [email address of another person]"


def test_blacked_out_data_is_counted_on_page_facts_and_answer() -> None:
    files, _ = handed_over(ticket(text="bob@example.org, carl@example.org"))
    counted = {"area": "What was asked and answered", "what": "Email addresses of other people"}
    assert parsed(files["about.json"])["blacked_out"] == [counted | {"kind": "email", "count": 2}]
    assert parsed(files["manifest.json"])["blacked_out"] == 2
    page = files["index.html"].decode()
    assert "What we blacked out" in page
    held = findings(ticket(text="bob@example.org, carl@example.org"))
    package = build(
        contents(PackageSection(TICKETS, Disclosed(held, TICKETS.key)), people=who(*held.found)),
        signer=SIGNER,
    )
    answer = answers.disclosure(package.summary, held, MAP)
    assert [(item.label, item.count) for item in answer.blacked_out] == [
        ("Email addresses of other people", 2)
    ]


def test_answer_without_redaction_does_not_mention_it() -> None:
    files, outcome = handed_over(ticket(text="Where is my order?"))
    assert outcome is Outcome.GRANTED
    assert "blacked out" not in files["index.html"].decode()
    assert parsed(files["data/default.tickets.json"])[0]["text"] == "Where is my order?"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(["hi", "bob@example.org"], ["hi", "[email address of another person]"], id="an array"),
        pytest.param(
            {"a": {"b": "bob@example.org"}}, {"a": {"b": "[email address of another person]"}}, id="an object"
        ),
        pytest.param(7, 7, id="a number"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_text_in_any_type_is_redacted(value: object, shown: object) -> None:
    assert texts(ticket(text=value))["text"] == shown


@pytest.mark.parametrize(
    "value", [b"bob@example.org", {"bob@example.org": "said"}], ids=["bytes", "names of fields"]
)
def test_unredactable_value_is_withheld_and_makes_the_answer_partial(value: object) -> None:
    files, outcome = handed_over(ticket(text=value))
    assert outcome is Outcome.PARTLY_GRANTED
    assert not [name for name, content in files.items() if b"bob@example" in content]


def test_a_bare_text_where_an_object_with_a_text_is_declared_is_redacted() -> None:
    assert texts(ticket(thread="bob@example.org"))["thread"] == "[email address of another person]"


class Crowd:
    """Tickets that are made when they are read, and again each time; it knows how many there were at once."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.most = 0
        self._alive: WeakValueDictionary[int, FoundRecord] = WeakValueDictionary()

    def __iter__(self) -> Iterator[FoundRecord]:
        for number in range(self.count):
            made = ticket(agent="Jane Roe", text=f"{number}: Jane, bob@example.org")
            self._alive[id(made)] = made
            self.most = max(self.most, len(self._alive))
            yield made

    def of(self, key: str) -> Iterable[FoundRecord]:
        return self if key == TICKETS.key else ()


@pytest.mark.slow
def test_never_are_more_than_a_few_records_in_memory() -> None:
    crowd = Crowd(300)
    held = Findings("abc", crowd, (Coverage(TICKETS.key, SearchStatus.SEARCHED, crowd.count),))
    who_is_who = people(held, SUBMITTED, {"email": (ADA,)})
    package = build(
        contents(PackageSection(TICKETS, Disclosed(held, TICKETS.key)), people=who_is_who), signer=SIGNER
    )
    assert sum(map(len, package)) > crowd.count
    assert crowd.most <= 3


def test_text_is_withheld_without_known_people() -> None:
    package = build(contents(PackageSection(TICKETS, [{"_id": 1, "text": "hello"}])), signer=SIGNER)
    assert [item.reason for item in package.summary.withheld] == ["third_party_rights"]


@pytest.mark.slow
def test_where_too_many_others_are_named_the_whole_text_is_withheld() -> None:
    crowd = [ticket(agent=f"Jane R{n}", text="hello") for n in range(MOST_NAMES + 1)]
    assert who(*crowd).others(TICKETS) is None
    assert handed_over(*crowd)[1] is Outcome.PARTLY_GRANTED


def test_names_of_others_are_learnt_from_the_whole_record() -> None:
    names = who(ticket(agent="Jane Roe"), ticket(agent="Example, Ada")).others(TICKETS)
    assert names == frozenset({"Jane Roe"})


def test_own_identities_are_the_searched_ones_and_those_beside() -> None:
    alias = {"email": ("old@example.org",)}
    own = who(user(phone="030 23125 000", name="Ada M. Example"), aliases=alias).own
    assert own == Own(
        frozenset({ADA, "old@example.org"}),
        frozenset({"030 23125 000"}),
        frozenset({"Ada Example", "Ada M. Example"}),
        "DE",
    )


def test_a_name_in_a_record_that_may_name_others_is_not_taken_for_the_persons() -> None:
    assert who(ticket(agent="Jane Roe")).own.names == {"Ada Example"}


def test_requester_without_a_name_gets_the_one_beside_the_identity() -> None:
    anonymous = SUBMITTED.model_copy(update={"subject": Subject(email=ADA)})
    who_is_who = people(findings(ticket(agent="Ada Example")), anonymous, {"email": (ADA,)})
    assert who_is_who.own.names == {"Ada Example"}


def test_secrets_stay_withheld_in_a_collection_with_texts() -> None:
    both = replace(CUSTOMERS, fields=(*CUSTOMERS.fields, replace(field("note"), redact=True)))
    document = {"_id": 7, "note": "bob@example.org", "bank": {"iban": "XX00TOPSECRET"}}
    everyone = People(Own(), {both.key: frozenset()})
    package = build(contents(PackageSection(both, [document]), people=everyone), signer=SIGNER)
    files = unpacked(b"".join(package))
    assert not [name for name, content in files.items() if b"TOPSECRET" in content]
    assert not [name for name, content in files.items() if b"bob@" in content]


def test_other_peoples_data_of_a_shared_record_is_withheld_and_counted() -> None:
    riders = replace(field("riders", "user.contact.email", kind="string[]"), identity="email")
    parts = (
        replace(riders, ownership=Ownership.SHARED),
        replace(field("booker", "user.contact.email"), identity="email"),
        field("contact", kind="object"),
        field("contact.phone", "user.contact.phone_number"),
        field("train", "system.operations"),
    )
    trips = replace(TICKETS, name="trips", fields=parts)
    document = {"_id": 1, "riders": [ADA, BOB], "booker": BOB, "contact": {"phone": "+1 555"}, "train": 7}
    match = OwnershipMatch("riders", "riders", (ADA,))
    held = Findings("abc", RecordTuple([FoundRecord(trips, {"_id": 1}, document, (match,))]), ())
    section = PackageSection(trips, Disclosed(held, trips.key))
    package = build(contents(section, people=who()), signer=SIGNER)
    answer = answers.disclosure(package.summary, held, DataMap("abc", (trips,)))
    assert outcome_of_disclosure(answer) is Outcome.PARTLY_GRANTED
    files = unpacked(b"".join(package))
    for name, content in files.items():
        assert b"bob@" not in content, name
        assert b"+1 555" not in content, name
    shown = parsed(files["data/default.trips.json"])[0]
    assert (shown["riders"], shown["train"]) == ([ADA], 7)
    withheld = {(one.category, one.reason, one.values) for one in answers.withheld_values(answer)}
    assert withheld == {
        ("user.contact.email", ReasonCode.THIRD_PARTY_RIGHTS, 1),
        ("user.contact.phone_number", ReasonCode.THIRD_PARTY_RIGHTS, 1),
    }
