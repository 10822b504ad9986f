"""Security events pushed to us (RFC 8935), good and bad."""

from typing import Any

import pytest

from services.intake.channels.webhooks.risc import PURGED
from services.intake.channels.webhooks.service import MESSAGE
from services.intake.handlers import SET_ASIDE
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Assurance,
    IdentityVerified,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
)
from shared.law import Right
from tests.unit.fakes import Office
from tests.unit.platforms import CLIENT, ISSUER, SIGNER, Signer, platforms


async def test_an_account_that_is_purged_is_a_request_to_erase() -> None:
    office = Office(trusted={"risc"})
    token = SIGNER.event()
    async with platforms(office) as calling:
        answers = [await calling.risc(token) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    received = office.the(RequestReceived)
    assert (received.right, received.source) == (Right.ERASURE, "risc")
    sealed = office.sealed(received.request_id)
    subject = RequestSubmitted.model_validate_json(sealed[SUBMISSION]).subject
    assert subject.identifiers == {"risc_sub": "7375626A656374"}
    assert sealed[MESSAGE] == token.encode()
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ({"format": "email", "email": "ottilie@example.org"}, {"email": "ottilie@example.org"}),
        ({"format": "phone_number", "phone_number": "+12065550100"}, {"phone": "+12065550100"}),
        ({"subject_type": "iss-sub", "iss": ISSUER, "sub": "7"}, {"identifiers": {"risc_sub": "7"}}),
    ],
)
async def test_an_account_owner_may_have_several_forms(
    subject: dict[str, Any], found: dict[str, Any]
) -> None:
    office = Office()
    async with platforms(office) as calling:
        assert (await calling.risc(SIGNER.event(events={PURGED: {"subject": subject}}))).status_code == 202
    sealed = office.sealed(office.the(RequestReceived).request_id)
    said = RequestSubmitted.model_validate_json(sealed[SUBMISSION]).subject.model_dump()
    assert {name: value for name, value in said.items() if value} == found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sub_id", "found"),
    [
        ({"format": "iss_sub", "iss": ISSUER, "sub": "7"}, {"identifiers": {"risc_sub": "7"}}),
        ({"format": "email", "email": "ottilie@example.org"}, {"email": "ottilie@example.org"}),
        ({"format": "phone_number", "phone_number": "+12065550100"}, {"phone": "+12065550100"}),
        (
            {
                "format": "aliases",
                "identifiers": [
                    {"format": "iss_sub", "iss": ISSUER, "sub": "7"},
                    {"format": "email", "email": "ottilie@example.org"},
                ],
            },
            {"identifiers": {"risc_sub": "7"}, "email": "ottilie@example.org"},
        ),
    ],
)
async def test_owner_may_be_named_by_sub_id_of_the_token(
    sub_id: dict[str, Any], found: dict[str, Any]
) -> None:
    for event in ({}, {"subject": sub_id}, {"event_timestamp": 1}):
        office = Office()
        async with platforms(office) as calling:
            token = SIGNER.event(sub_id=sub_id, events={PURGED: event})
            assert (await calling.risc(token)).status_code == 202
        sealed = office.sealed(office.the(RequestReceived).request_id)
        said = RequestSubmitted.model_validate_json(sealed[SUBMISSION]).subject.model_dump()
        assert {name: value for name, value in said.items() if value} == found


@pytest.mark.parametrize(
    "sub_id",
    [
        pytest.param("7", id="no object"),
        pytest.param({"format": "opaque", "id": "7"}, id="opaque"),
        pytest.param({"format": "account", "uri": "acct:ottilie@example.org"}, id="account"),
        pytest.param(
            {"format": "complex", "user": {"format": "email", "email": "o@example.org"}}, id="complex"
        ),
        pytest.param({"format": "iss_sub", "iss": "https://other.example", "sub": "7"}, id="another issuer"),
        pytest.param({"format": "email", "email": "another@example.org"}, id="another than the event names"),
        pytest.param({"format": "aliases", "identifiers": []}, id="no alias"),
        pytest.param(
            {"format": "aliases", "identifiers": [{"email": "a@example.org"}, {"email": "b@example.org"}]},
            id="aliases of two mailboxes",
        ),
        pytest.param(
            {"format": "aliases", "identifiers": [{"iss": "https://other.example", "sub": "7"}]},
            id="alias of another issuer",
        ),
    ],
)
async def test_sub_id_that_names_no_single_person_is_set_aside(sub_id: object) -> None:
    office = Office(trusted={"risc"})
    event = {"subject": {"email": "ottilie@example.org"}} if "another@" in str(sub_id) else {}
    async with platforms(office) as calling:
        assert (await calling.risc(SIGNER.event(sub_id=sub_id, events={PURGED: event}))).status_code == 400
    assert office.the(RequestRejected)
    assert office.facts(RequestReceived) == []


async def test_of_other_events_nothing_follows() -> None:
    office = Office()
    events = {"https://schemas.openid.net/secevent/risc/event-type/verification": {"state": "x"}}
    async with platforms(office) as calling:
        assert (await calling.risc(SIGNER.event(events=events))).status_code == 202
    assert office.vault.items == {}


@pytest.mark.parametrize(
    ("token", "code"),
    [
        pytest.param(SIGNER.event(iss="https://other.example/"), "invalid_issuer", id="of another issuer"),
        pytest.param(SIGNER.event(aud="another"), "invalid_audience", id="for someone else"),
        pytest.param(Signer().event(), "invalid_key", id="of another key"),
        pytest.param(SIGNER.event()[:-4] + "AAAA", "invalid_key", id="changed"),
        pytest.param(SIGNER.event(jti=None), "invalid_request", id="without a name"),
        pytest.param(SIGNER.event(events=None), "invalid_request", id="without events: an ID token"),
        pytest.param(SIGNER.event(exp=1_000_000_000), "invalid_request", id="expired"),
        pytest.param("", "invalid_key", id="nothing"),
        pytest.param("é.é.é", "invalid_key", id="no letters"),
    ],
)
async def test_foreign_tokens_are_refused_in_the_protocols_words(token: str, code: str) -> None:
    office = Office(trusted={"risc"})
    async with platforms(office) as calling:
        answer = await calling.risc(token)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"err", "description"}
    assert answer.json()["err"] == code
    assert office.vault.items == {}


@pytest.mark.parametrize("media_type", ["application/json", "", "application/jwt"])
async def test_another_type_of_body_is_refused(media_type: str) -> None:
    async with platforms(Office()) as calling:
        answer = await calling.risc(SIGNER.event(), media_type)
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "events",
    [
        [],
        "x",
        {PURGED: None},
        {PURGED: {}},
        {PURGED: {"subject": {}}},
        {PURGED: {"subject": 7}},
        {PURGED: {"subject": {"iss": "https://other.example", "sub": "7"}}},
    ],
)
async def test_a_signed_unreadable_message_is_set_aside(events: object) -> None:
    office = Office(trusted={"risc"})
    token = SIGNER.event(events=events)
    async with platforms(office) as calling:
        assert (await calling.risc(token)).status_code == 400
    assert office.sealed(office.the(RequestRejected).request_id)[SET_ASIDE] == token.encode()


async def test_for_several_one_of_them_us_is_for_us() -> None:
    async with platforms(Office()) as calling:
        assert (await calling.risc(SIGNER.event(aud=[CLIENT, "another"]))).status_code == 202
