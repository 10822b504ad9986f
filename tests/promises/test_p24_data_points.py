"""P24: data points and a declaration prove the identity of a Californian; no single point is obligatory."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contract.declarations import CURRENT, TEXTS
from tests.integration.pipeline import Heard, Pipeline, Somebody, now
from tests.promises.people import People
from tests.waiting import eventually

CALIFORNIA = {"country": "US", "subdivision": "CA"}
TELEPHONE = "+4930231250024"
NOTHING: tuple[str, ...] = ()
PLACES = {"nothing": 0, "telephone": 1, "date of birth": 2, "postal address": 3}


def declaration(person: Somebody) -> dict[str, Any]:
    signed = {"text": TEXTS[CURRENT], "name": person.name, "signed_at": now().isoformat()}
    return {"kind": "declaration", **signed}


async def points(pipeline: Pipeline, person: Somebody, without: Iterable[str]) -> dict[str, Any]:
    """Return what *person* knows of the company's record, *without* some."""
    contacts = pipeline.business("portal", "contacts")
    changed = {"$set": {"phones": [TELEPHONE], "date_of_birth": datetime(1984, 12, 10, tzinfo=UTC)}}
    contact = await contacts.find_one_and_update({"email": person.email}, changed)
    known = {
        "city": contact["address"]["city"],
        "postal_code": contact["address"]["postal_code"],
        "date_of_birth": "1984-12-10",
        "phones": TELEPHONE,
        "customer_id": str(contact["customer_id"]),
    }
    return {"kind": "data_points", "points": {name: known[name] for name in known.keys() - set(without)}}


@pytest.mark.parametrize(
    ("missing", "without"),
    [
        ("nothing", NOTHING),
        ("telephone", ("phones",)),
        ("date of birth", ("date_of_birth",)),
        ("postal address", ("city", "postal_code")),
    ],
)
async def test_enough_points_and_a_declaration_open_the_specific_pieces_whichever_point_is_missing(
    missing: str, without: tuple[str, ...], pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[PLACES[missing]]
    proofs = [await points(pipeline, person, without), declaration(person)]
    case = await pipeline.lodge(person.asks("access", residence=CALIFORNIA, proofs=proofs))
    (await pipeline.prove(case, await pipeline.code_for(person, case))).raise_for_status()
    assert (await pipeline.closed(case))["package_url"]
    [verified] = await eventually(lambda: heard.of(case, "identity.verified"))
    assert verified["data"]["assurance"] == "reasonably_high"
    assert not heard.of(case, "identity.refused")
