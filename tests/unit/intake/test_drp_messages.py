"""What an agent says of a person, as the request that it becomes."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.drp.messages import (
    RIGHTS,
    DrpCallRefused,
    Exercise,
    read,
    request_in,
    request_message,
    valid_until,
)
from shared.contract.events import RequestSubmitted
from tests.unit.agents import LISTED, PERSON
from tests.unit.fakes import NOW

AGENT = LISTED["AGENT_ONE"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3)
    ),
    max_leaves=6,
)
TIMES = st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-W10-4", "2026-03-05T09:30Z", "24:00"]
)
ADDRESS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("street_address", "formatted", "country", "region", "postal_code"), JSON)
)
CLAIMS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys((*PERSON, "regime", "status_callback", "exercise", "power_of_attorney"), JSON),
)


def message(**changes: Any) -> bytes:
    content = {
        "agent-id": AGENT.id,
        "issued-at": "2026-03-05T09:30:00.633+00:00",
        "drp.version": "1.0",
        "exercise": "deletion",
        **PERSON,
        **changes,
    }
    return json.dumps(content).encode()


def request(**changes: Any) -> RequestSubmitted:
    made = request_in(message(**changes), AGENT)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Quastenflosser, Ottilie", "Ottilie Quastenflosser"),
        ("Ottilie Quastenflosser", "Ottilie Quastenflosser"),
        ("Sammy Davis, Jr., Dr.", "Sammy Davis, Jr., Dr."),
        ("Quastenflosser,", "Quastenflosser,"),
        ("", None),
        (None, None),
    ],
)
def test_a_name_is_turned_the_way_people_write_it(said: str | None, name: str | None) -> None:
    assert request(name=said).subject.name == name


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ({"street_address": "1 Example Road\nFlat 2"}, ("1 Example Road", "Flat 2")),
        ({"street_address": "1 Example Road\n"}, ("1 Example Road",)),
        ({"formatted": "1 Example Road\r\nSacramento, CA 94203"}, ("1 Example Road", "Sacramento, CA 94203")),
        ({"street_address": "1 Example Road", "formatted": "elsewhere"}, ("1 Example Road",)),
        ({}, ()),
    ],
)
def test_the_lines_of_an_address_are_kept_and_empty_ones_are_not(
    address: dict[str, str], lines: tuple[str, ...]
) -> None:
    postal = request(address=address).subject.postal_address
    assert postal is not None
    assert postal.lines == lines


@pytest.mark.parametrize(
    ("address", "residence"),
    [
        ({"country": "US", "region": "CA"}, ("US", "CA")),
        ({"country": "us", "region": "ca"}, ("US", "CA")),
        ({"country": "GB", "region": "Greater London"}, ("GB", None)),
        ({"country": "DE"}, ("DE", None)),
        ({"country": "United States", "region": "CA"}, None),
        ({"country": "", "region": "CA"}, None),
        ({"region": "CA"}, None),
        (None, None),
    ],
)
def test_a_country_is_believed_where_it_is_said_by_its_code(
    address: dict[str, str] | None, residence: tuple[str, str | None] | None
) -> None:
    lives = request(address=address).residence
    assert (lives and (lives.country, lives.subdivision)) == residence


def test_nothing_but_the_right_and_one_identity_has_to_be_stated() -> None:
    bare = request(**dict.fromkeys(PERSON) | {"phone_number": "+14155550147"})
    assert bare.subject.model_dump(exclude_defaults=True) == {"phone": "+14155550147"}
    assert bare.residence is None


def test_every_right_of_the_protocol_is_served_but_to_opt_in() -> None:
    assert set(Exercise) - set(RIGHTS) == {Exercise.OPT_IN}
    assert request_in(message(exercise="sale:opt-in"), AGENT) is None


def test_unknown_signed_fields_are_accepted() -> None:
    assert request_message(message(loyalty_number="77", nested={"a": [1]})).exercise is Exercise.DELETION


def test_faults_name_the_path_alone() -> None:
    with pytest.raises(DrpCallRefused) as error:
        request(email="ottilie at example", phone_number=12)
    assert "phone_number" in str(error.value)
    assert "ottilie" not in str(error.value)


@pytest.mark.slow
@given(CLAIMS, ADDRESS | JSON)
def test_any_message_of_an_agent_is_accepted_or_refused(claims: dict[str, Any], address: Any) -> None:
    with suppress(DrpCallRefused):
        request_in(message(**claims | {"address": address}), AGENT)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_signed_message_is_parsed_or_refused(signed: bytes) -> None:
    with suppress(DrpCallRefused):
        read(signed)


@pytest.mark.slow
@given(TIMES | JSON, TIMES | JSON)
def test_any_times_of_a_message_are_checked(issued_at: Any, expires_at: Any) -> None:
    content = {"agent-id": "A", "business-id": "B", "issued-at": issued_at, "expires-at": expires_at}
    with suppress(DrpCallRefused):
        valid_until(content, "A", "B", NOW)


@pytest.mark.parametrize("claimed", [{"email": "ottilie at example"}, {"address": {"region": 7}}])
def test_a_claim_of_the_wrong_form_is_refused(claimed: dict[str, Any]) -> None:
    with pytest.raises(DrpCallRefused):
        request(**claimed)
