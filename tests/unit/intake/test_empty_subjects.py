"""No channel registers a request that identifies no person: an empty subject, or one of blanks."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pytest

from services.intake.cases.errors import NoPerson
from services.intake.channels.drop import requests as drop
from services.intake.channels.webhooks import risc
from services.intake.domain import RequestLodged
from shared.contract.drop import NO_IDENTITY, ListMatch
from shared.contract.events import (
    NO_PERSON,
    DecisionRefused,
    PostalAddress,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    Subject,
)
from shared.contract.sources import Source
from shared.law import Right
from tests.unit import agents, controllers, fides_clients
from tests.unit.fakes import Office, request
from tests.unit.intake.test_privacy_centre import sent
from tests.unit.intake.test_taken_requests import taken
from tests.unit.intake_api import BEARER, client_of
from tests.unit.platforms import CUSTOMER, DATA_REQUEST, ISSUER, SIGNER, happened, platforms, signed_request

Attempt: TypeAlias = Callable[[Office, Any], Awaitable[str]]
"""Submits a request with a subject, and returns the answer."""
EMPTY: Mapping[str, dict[str, Any]] = {
    "nothing": {},
    "invisible": {"name": "\u200b\u2060", "identifiers": {"customer_no": "\u200b"}},
    "signs": {"name": "- . -", "phone": "+"},
    "a birthday": {"date_of_birth": "1990-02-01"},
    "an empty address": {"postal_address": {"country": "DE"}},
}


async def by_bus(office: Office, subject: Any) -> str:
    await office.submit(request(subject=subject))
    return office.the(RequestRejected).model_dump_json()


async def by_http(office: Office, subject: Any) -> str:
    async with client_of(office.requests) as client:
        answer = await client.post("/v1/requests", json=request(subject=subject), headers=BEARER)
    assert answer.status_code == 422
    return answer.text


async def by_anyone(office: Office, subject: Any) -> str:
    async with client_of(office.requests) as client:
        answer = await client.post("/v1/requests", json=request(subject=subject))
    assert answer.status_code == 422
    return answer.text


async def by_staff(office: Office, subject: Any) -> str:
    await taken(office, orjson.dumps(request(subject=subject)))
    return office.the(DecisionRefused).reason.replace("no_person", NO_PERSON)


async def by_any_channel(office: Office, subject: Any) -> str:
    asked = RequestSubmitted.model_validate(request(subject=subject))
    with pytest.raises(NoPerson) as refused:
        await office.requests.lodge(asked, Source("drp/one"))
    return str(refused.value)


@pytest.mark.parametrize("subject", EMPTY.values(), ids=list(EMPTY))
@pytest.mark.parametrize("attempt", [by_bus, by_http, by_anyone, by_staff, by_any_channel])
async def test_request_of_an_empty_subject_is_rejected(attempt: Attempt, subject: dict[str, Any]) -> None:
    office = Office()
    assert NO_PERSON in await attempt(office, subject)
    assert office.facts(RequestReceived) == []
    assert office.facts(RequestLodged) == []


async def by_sheet(office: Office, blank: str) -> str:
    async with client_of(office.requests) as client:
        sheet = f"reference,right,name,email\nr-1,access,{blank},\n".encode()
        headers = {**BEARER, "Content-Type": "text/csv"}
        answer = await client.post("/v1/requests/batch", content=sheet, headers=headers)
    assert answer.status_code == 422
    return answer.text


async def by_form(office: Office, blank: str) -> str:
    answer = await sent(office, "/ask/erasure", {"name": blank, "email": blank, "country": "DE"})
    assert answer.status_code == 422
    return answer.text


async def by_drp(office: Office, blank: str) -> str:
    async with agents.calling(office) as agent:
        await agent.set_up()
        nobody = dict.fromkeys(agents.PERSON)
        answer = await agent.exercise(**{**nobody, "name": blank or None})
    assert answer.status_code == 400
    return answer.text


async def by_opendsr(office: Office, blank: str) -> str:
    identity = {"identity_type": "email", "identity_value": blank, "identity_format": "raw"}
    async with controllers.calling(office) as controller:
        answer = await controller.post(controllers.example(subject_identities=[identity]))
    assert answer.status_code == 400
    return answer.text


async def by_fides(office: Office, blank: str) -> str:
    async with fides_clients.calling(office) as client:
        answer = await client.create(fides_clients.item(identity={"external_id": blank or None}))
    assert not answer["succeeded"]
    return json.dumps(answer["failed"])


async def by_shopify(office: Office, blank: str) -> str:
    customer = dict.fromkeys(CUSTOMER) | {"phone": blank}
    async with platforms(office) as platform:
        await platform.shopify("customers/data_request", {**DATA_REQUEST, "customer": customer})
    return office.the(RequestRejected).model_dump_json()


async def by_meta(office: Office, blank: str) -> str:
    async with platforms(office) as platform:
        answer = await platform.meta(signed_request(user_id=blank))
    return answer.text + "".join(fact.model_dump_json() for fact in office.facts(RequestRejected))


async def by_apple(office: Office, blank: str) -> str:
    async with platforms(office) as platform:
        answer = await platform.apple(SIGNER.token(events=happened("account-delete", sub=blank)))
    return answer.text + "".join(fact.model_dump_json() for fact in office.facts(RequestRejected))


async def by_risc(office: Office, blank: str) -> str:
    gone = {risc.PURGED: {"subject": {"format": "iss_sub", "iss": ISSUER, "sub": blank}}}
    async with platforms(office) as platform:
        answer = await platform.risc(SIGNER.event(events=gone))
    return answer.text + "".join(fact.model_dump_json() for fact in office.facts(RequestRejected))


CHANNELS = {
    "csv": by_sheet,
    "form": by_form,
    "drp": by_drp,
    "opendsr": by_opendsr,
    "fides": by_fides,
    "shopify": by_shopify,
    "meta": by_meta,
    "apple": by_apple,
    "risc": by_risc,
}


@pytest.mark.slow
@pytest.mark.parametrize("blank", ["", " ", "\u200b", "-"], ids=["empty", "space", "invisible", "sign"])
@pytest.mark.parametrize("channel", CHANNELS)
async def test_channel_rejects_a_person_of_blanks(channel: str, blank: str) -> None:
    office = Office()
    assert await CHANNELS[channel](office, blank)
    await office.work()
    assert office.facts(RequestReceived) == []
    assert office.facts(RequestLodged) == []


@pytest.mark.parametrize("identifiers", [{}, {"email": "-"}, {"email": "\u200b"}, {"email": ""}])
def test_match_of_drop_without_an_identifier_has_the_number_of_its_list(identifiers: dict[str, str]) -> None:
    match = ListMatch(
        id="1", kind="Email", origin="b", number=0, right=Right.ERASURE, identifiers=identifiers
    )
    assert drop._subject(match) == Subject(identifiers={NO_IDENTITY: "1"})


def test_every_channel_is_in_the_table_or_names_a_person_itself() -> None:
    """A mail has its sender, and the link of a mail its mailbox."""
    folders = {
        path.name for path in Path("services/intake/channels").iterdir() if (path / "__init__.py").exists()
    }
    assert folders - CHANNELS.keys() == {"drop", "email", "unsubscribe", "webhooks"}


@pytest.mark.parametrize(
    "subject",
    [
        Subject(name="王伟"),
        Subject(phone="+49 30 5550147"),
        Subject(identifiers={"customer_no": "7"}),
        Subject(postal_address=PostalAddress(lines=("1 Example Road",))),
    ],
)
def test_subject_with_one_identity_is_not_empty(subject: Subject) -> None:
    assert not subject.is_empty


def test_sealed_request_of_an_empty_subject_stays_readable() -> None:
    """0.1.0 registered such requests."""
    assert RequestSubmitted.model_validate(request(subject={})).subject.is_empty
