"""P24: data points and a declaration prove the identity of a Californian; no single point is obligatory."""

from typing import Any

from shared.contract.declarations import CURRENT, TEXTS
from tests.integration.pipeline import Heard, Pipeline, Somebody, now
from tests.promises.people import People
from tests.waiting import eventually

CALIFORNIA = {"country": "US", "subdivision": "CA"}


def declaration(person: Somebody) -> dict[str, Any]:
    signed = {"text": TEXTS[CURRENT], "name": person.name, "signed_at": now().isoformat()}
    return {"kind": "declaration", **signed}


async def points(pipeline: Pipeline, person: Somebody) -> dict[str, Any]:
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    known = {
        "city": contact["address"]["city"],
        "postal_code": contact["address"]["postal_code"],
        "date_of_birth": contact["date_of_birth"].date().isoformat(),
        "customer_id": str(contact["customer_id"]),
    }
    return {"kind": "data_points", "points": known}


async def test_three_points_and_a_declaration_open_the_specific_pieces(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    proofs = [await points(pipeline, person), declaration(person)]
    case = await pipeline.lodge(person.asks("access", residence=CALIFORNIA, proofs=proofs))
    (await pipeline.prove(case, await pipeline.code_for(person, case))).raise_for_status()
    await pipeline.closed(case)
    [verified] = await eventually(lambda: heard.of(case, "identity.verified"))
    assert verified["data"]["assurance"] == "reasonably_high"
