"""Recognition of erased people in restored backups, and ids that may be kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.journal.entries import (
    ErasureEntry,
    Fingerprints,
    Trace,
    Treatment,
    as_document,
    matches_of,
    of_document,
    opaque,
)
from services.fulfillment.erasure.journal.returned import ReturnVerdict, judge
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

ERASED = datetime(2026, 11, 25, 12, 0, 0, 900_000, tzinfo=UTC)
HEX = "5b1b070cf9ab71307a000095"
NUMBER = "0b4ab47a-5b69-11c6-937e-279c1a17648d"
FINGERPRINTS = Fingerprints(b"k" * 32)


def collection(id_field: str = "{ name: _id }") -> Any:
    field = "{ name: joined, fides_meta: { data_type: datetime } }"
    born = "{ name: born, data_categories: [user.demographic.date_of_birth] }"
    text = "dataset: [ { fides_key: shop, collections: [ { name: people, fields: [ %s, %s, %s ] } ] } ]"
    return parse({"map.yml": text % (id_field, field, born)}).collections[0]


PEOPLE = collection()


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        pytest.param("7", Int64(7), id="a number"),
        pytest.param("7", 7.0, id="a number with a point"),
        pytest.param("7", Decimal128("7"), id="a decimal"),
        pytest.param(HEX, ObjectId(HEX), id="an object id"),
        pytest.param(HEX.upper(), ObjectId(HEX), id="an object id in capitals"),
        pytest.param(NUMBER, Binary.from_uuid(UUID(NUMBER)), id="a uuid"),
        pytest.param(NUMBER.upper(), NUMBER.replace("-", ""), id="a uuid written otherwise"),
        pytest.param(" KIM-4711 ", "KIM-4711", id="a text with blanks"),
    ],
)
def test_identity_is_recognised_in_every_stored_form(asked: str, stored: Any) -> None:
    known = FINGERPRINTS.identities({"customer": (asked,)})
    assert FINGERPRINTS.identity("customer", stored) in known["customer"]


def test_case_counts_but_in_an_address() -> None:
    known = FINGERPRINTS.identities({"email": ("kim@example.org",), "login": ("kim",)})
    assert FINGERPRINTS.identity("email", "KIM@example.org") in known["email"]
    assert FINGERPRINTS.identity("login", "KIM") not in known["login"]
    assert FINGERPRINTS.identity("login", "kim@example.org") not in known["email"], "of another kind"
    assert Fingerprints(b"x" * 32).identity("login", "kim") not in known["login"], "with another key"


@pytest.mark.parametrize("value", [None, "", True, [], {}])
def test_value_without_identity_has_no_hash(value: Any) -> None:
    assert FINGERPRINTS.identity("customer", value) is None


@pytest.mark.parametrize(
    ("document_id", "kept"),
    [
        (ObjectId(HEX), True),
        (Binary(b"a" * 16, 4), True),
        (Binary(b"a" * 16, 0), False),
        (7, True),
        (True, False),
        ("7", False),
        ({"number": 7}, False),
    ],
)
def test_opaque_id_is_kept_unhashed(document_id: Any, kept: bool) -> None:
    assert opaque(document_id, PEOPLE) is kept


def test_a_number_is_kept_unless_the_map_calls_it_personal() -> None:
    phone = "{ name: _id, data_categories: [user.contact.phone_number] }"
    assert not opaque(491701234567, collection(phone))
    assert not opaque(491701234567, collection("{ name: _id, fides_meta: { identity: phone_number } }"))


def found(**document: Any) -> FoundRecord:
    match = OwnershipMatch("_id", None, (document["_id"],))
    return FoundRecord(PEOPLE, {"_id": document["_id"]}, document, (match,))


BEFORE, AFTER = ERASED - timedelta(days=1), ERASED + timedelta(days=1)


@pytest.mark.parametrize(
    ("record", "named", "back", "verdict"),
    [
        ({"_id": ObjectId.from_datetime(AFTER)}, False, False, ReturnVerdict.NEWER),
        ({"_id": ObjectId.from_datetime(ERASED)}, False, False, ReturnVerdict.NEWER),
        ({"_id": ObjectId.from_datetime(BEFORE)}, False, True, ReturnVerdict.RETURNED),
        ({"_id": ObjectId.from_datetime(BEFORE)}, True, True, ReturnVerdict.RETURNED),
        ({"_id": 7, "joined": BEFORE}, False, True, ReturnVerdict.RETURNED),
        ({"_id": 7, "joined": AFTER}, True, False, ReturnVerdict.NEWER),
        ({"_id": 7, "joined": AFTER, "born": BEFORE}, True, False, ReturnVerdict.NEWER),
        ({"_id": 7, "born": BEFORE}, False, False, ReturnVerdict.UNSURE),
        ({"_id": 7}, False, False, ReturnVerdict.UNSURE),
        ({"_id": 7}, True, False, ReturnVerdict.RETURNED),
        ({"_id": 7}, True, True, ReturnVerdict.UNSURE),
    ],
)
def test_record_older_than_the_erasure_came_with_the_backup(
    record: dict[str, Any], named: bool, back: bool, verdict: ReturnVerdict
) -> None:
    assert judge(found(**record), ERASED, named=named, back=back) is verdict


def test_composite_key_is_recognised_only_as_a_whole() -> None:
    others = (("who.n", FINGERPRINTS.value(1)),)
    trace = Trace("who.t", "who", (FINGERPRINTS.value("acme"),), others)
    treatment = Treatment(
        CollectionPlace("default", "shop", "people"), deleted=False, traces=(trace,), masked=()
    )
    [match] = matches_of(treatment, {"who": [{"t": "acme", "n": 1}, {"t": "acme", "n": 2}]}, FINGERPRINTS)
    assert match == OwnershipMatch("who.t", "who", ("acme",), (("who.n", 1),), ("who",))
    crossed = {"who": [{"t": "acme", "n": 2}, {"t": "beta", "n": 1}]}
    assert list(matches_of(treatment, crossed, FINGERPRINTS)) == []
    entry = ErasureEntry("e", ERASED, treatment, (), {}, (1,), ())
    assert of_document({**as_document(entry), "at": ERASED}).treatment == treatment


def test_entry_of_an_earlier_version_is_read() -> None:
    trace = Trace("login", None, (FINGERPRINTS.value("kim"),))
    treatment = Treatment(
        CollectionPlace("default", "shop", "people"), deleted=True, traces=(trace,), masked=()
    )
    entry = ErasureEntry("e", ERASED, treatment, (), {}, (1,), ())
    document = as_document(entry)
    for written in document["traces"]:
        del written["others"]  # written since keys may have several parts
    assert of_document({**document, "at": ERASED}) == entry
