"""What controllers say: each version's body, what it becomes, and what is wrong with it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.opendsr.messages import (
    ALIASES,
    IDENTITY_TYPES,
    DiscoveryDocument,
    OpenDsrCallRefused,
    Version,
    fingerprint_of,
    instant,
    read,
    request_in,
    skips_waiting,
)
from shared.contract.correspondents import mailbox_for, parties
from shared.contract.events import LetterKind, Requester
from shared.law import Regulation, Right, Role
from tests.unit.controllers import DOMAIN, EMAIL, ID, IDENTITIES, LISTED, NUMBER, example

SERVED = DiscoveryDocument(DOMAIN, IDENTITIES)
V1, V2, V3 = Version
VERSIONS = pytest.mark.parametrize("version", ["1", "2", "3"])


def refusal(version: str = "2", body: bytes | None = None, **changes: Any) -> OpenDsrCallRefused:
    content = orjson.dumps(example(version, **changes)) if body is None else body
    with pytest.raises(OpenDsrCallRefused) as caught:
        request_in(read(content, Version(int(version))), SERVED)
    return caught.value


def taken(version: str = "2", **changes: Any) -> Any:
    return request_in(read(orjson.dumps(example(version, **changes)), Version(int(version))), SERVED)


@VERSIONS
@pytest.mark.parametrize(
    ("kind", "right"),
    [("erasure", Right.ERASURE), ("access", Right.ACCESS), ("portability", Right.PORTABILITY)],
)
def test_instruction_becomes_a_request_without_letters_to_the_person(
    version: str, kind: str, right: Right
) -> None:
    request = taken(version, subject_request_type=kind)
    assert (request.right, request.reference, request.role) == (right, ID, Role.END_USER)
    assert (request.subject.email, request.subject.identifiers) == (EMAIL, {})
    assert not any(mailbox_for(letter, Requester.CONTROLLER, request) for letter in LetterKind)
    assert parties(Requester.CONTROLLER, request) == ()
    assert request.regulation is Regulation.GDPR
    assert request.received_at == datetime(2026, 3, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("version", ["2", "3"])
def test_the_law_is_named_since_2_0(version: str) -> None:
    assert taken(version, regulation="ccpa").regulation is Regulation.CCPA
    for wrong in (None, "lgpd", "GDPR", "", 1):
        assert "regulation" in str(refusal(version, regulation=wrong))


def one(kind: str, value: Any, form: str = "raw") -> dict[str, Any]:
    return {"identity_type": kind, "identity_value": value, "identity_format": form}


def test_each_identity_is_looked_up_by_the_name_of_the_data_map() -> None:
    both = [one("email", EMAIL), one("controller_customer_id", NUMBER)]
    subject = taken(subject_identities=both).subject
    assert (subject.email, subject.identifiers) == (EMAIL, {"customer_no": NUMBER})
    keyed = {"controller_customer_id": {"value": NUMBER, "encoding": "raw"}}
    assert taken("3", subject_identities=keyed).subject.identifiers == {"customer_no": NUMBER}
    assert taken(subject_identities=both[:1] * 2).subject.email == EMAIL


def test_a_misspelt_type_of_one_client_is_understood() -> None:
    served = DiscoveryDocument(DOMAIN, {"roku_publisher_id": "roku"})
    body = orjson.dumps(example(subject_identities=[one("roku_publishing_id", "1")]))
    assert request_in(read(body, V2), served).subject.identifiers == {"roku": "1"}
    assert set(ALIASES.values()) <= IDENTITY_TYPES


@pytest.mark.parametrize(
    "identities",
    [
        pytest.param([one("email", EMAIL), one("email", f"x{EMAIL}")], id="two people's"),
        pytest.param([one("android_id", EMAIL)], id="not in discovery"),
        pytest.param([one(EMAIL, EMAIL)], id="a type of their own"),
        pytest.param([one("email", EMAIL, "sha256")], id="hashed"),
        pytest.param([one("email", EMAIL, EMAIL)], id="a format of their own"),
        pytest.param([one("email", " ")], id="blank"),
        pytest.param([one("email", EMAIL * 30)], id="long"),
        pytest.param([one("email", 17)], id="no text"),
        pytest.param([{"identity_type": "email", "identity_value": EMAIL}], id="no format"),
        pytest.param([], id="none"),
        pytest.param(None, id="missing"),
        pytest.param([one("email", EMAIL)] * 51, id="many"),
        pytest.param({"email": {"value": EMAIL, "encoding": "raw"}}, id="as in 3.0"),
        pytest.param([EMAIL], id="no object"),
    ],
)
def test_identities_that_are_not_served_are_refused_and_not_said_again(identities: Any) -> None:
    assert_silent(refusal(subject_identities=identities), "subject_identities")


def test_an_unsupported_identity_names_type_or_format() -> None:
    assert "type" in str(refusal(subject_identities=[one("android_id", EMAIL)]))
    assert "format" in str(refusal(subject_identities=[one("email", EMAIL, "md5")]))
    assert "empty" in str(refusal(subject_identities=[one("email", "")]))


@pytest.mark.parametrize(
    "identities",
    [
        pytest.param([one("email", EMAIL)], id="as in 2.0"),
        pytest.param({EMAIL: {"value": EMAIL, "encoding": "raw"}}, id="a type that is an address"),
        pytest.param({EMAIL: EMAIL}, id="a type that is an address, and no object"),
        pytest.param({EMAIL: {"value": EMAIL}}, id="no encoding"),
        pytest.param({"email": {"value": EMAIL, "encoding": "md5"}}, id="hashed"),
        pytest.param({}, id="none"),
    ],
)
def test_unsupported_identities_of_version_3_are_refused_without_their_values(identities: Any) -> None:
    assert_silent(refusal("3", subject_identities=identities), "subject_identities")


def assert_silent(refused: OpenDsrCallRefused, path: str) -> None:
    assert refused.status == 400
    assert all(flaw.path.startswith(path) for flaw in refused.flaws)
    assert EMAIL not in str(refused)


WRONG: dict[str, tuple[Any, ...]] = {
    "subject_request_id": (None, "17", 17, ID.replace("-44", "-14"), f"{ID}\n"),
    "subject_request_type": (None, "rectification", "Erasure", "delete", 1),
    "submitted_time": (
        None, "2022-1-5", "2022-01-05", "2022-01-05 10:00:00Z", "2022-01-05T10:00:00", "2022-02-30T10:00:00Z",
        "yesterday", 1641376800, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
        "2022-01-05T10:00:00+99:99",
    ),
    "api_version": ("0.1", "4.0", 2),
    "status_callback_urls": (
        "https://a.example.com", ["ftp://a.example.com/"], [1], ["https://a.example.com"] * 11,
    ),
    "extensions": (
        "x", [], {DOMAIN: "x"}, {DOMAIN: ["skip_waiting_period"]}, {DOMAIN: {"skip_waiting_period": "true"}},
        {DOMAIN: {"skip_waiting_period": 1}}, {DOMAIN: {"subject_identities": {}}},
        {DOMAIN: {"skip_waiting_period": True, "skip_verification": True}},
    ),
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(
    ("field", "wrong"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_field_that_does_not_fit_is_named(version: str, field: str, wrong: Any) -> None:
    refused = refusal(version, **{field: wrong})
    assert refused.status == 400
    assert {flaw.path.partition(".")[0] for flaw in refused.flaws} == {field}


@VERSIONS
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"17", b'"x"', b"\xff\xfe", b"null", b"[" * 5_000])
def test_a_body_that_is_no_json_object_is_refused(version: str, body: bytes) -> None:
    assert refusal(version, body).status == 400


def test_unknown_fields_and_foreign_extensions_are_ignored() -> None:
    assert (
        taken(extensions={"elsewhere.example.net": {DOMAIN: 1}, DOMAIN: {}}, property_id="x").reference == ID
    )
    assert taken(api_version="", status_callback_urls=[]).reference == ID
    assert read(orjson.dumps(example("3", group_id="g-1")), V3).group == "g-1"
    assert read(orjson.dumps(example("2", group_id="g-1")), V2).group is None


@pytest.mark.parametrize(
    ("extensions", "skips"),
    [
        (None, False),
        ({DOMAIN: {"skip_waiting_period": True}}, True),
        ({DOMAIN: {"skip_waiting_period": False}}, False),
        ({DOMAIN: {"skip_waiting_period": None}}, False),
        ({"opendsr.mparticle.com": {"skip_waiting_period": True}}, False),
        ({DOMAIN.upper(): {"skip_waiting_period": True}}, False),
        ({f"x.{DOMAIN}": {"skip_waiting_period": True}}, False),
    ],
)
def test_window_is_skipped_only_by_the_extension_under_our_domain(extensions: Any, skips: bool) -> None:
    message = read(orjson.dumps(example(extensions=extensions)), V2)
    assert skips_waiting(message, DOMAIN) is skips


def test_id_in_upper_case_is_the_same_request() -> None:
    assert taken(subject_request_id=ID.upper()).reference == ID


def test_a_callback_address_counts_once() -> None:
    urls = ["https://a.example.com/1", "https://a.example.com/2", "https://a.example.com/1"]
    assert read(orjson.dumps(example(status_callback_urls=urls)), V2).callbacks == tuple(urls[:2])


def wish(controller: str = "shop", version: str = "2", **changes: Any) -> bytes:
    message = read(orjson.dumps(example(version, **changes)), Version(int(version)))
    return fingerprint_of(message, LISTED[controller])


def test_equal_requests_have_the_same_type_identities_and_extensions() -> None:
    both = [one("email", EMAIL), one("controller_customer_id", NUMBER)]
    same = {wish(), wish(submitted_time="2026-03-02T00:00:00Z"), wish(version="3"), wish(regulation="ccpa")}
    assert len(same) == 1
    assert wish(subject_identities=both) == wish(subject_identities=both[::-1])
    others = [
        wish("club"),
        wish(subject_request_type="access"),
        wish(subject_identities=both),
        wish(extensions={}),
    ]
    assert len({*same, *others}) == 5


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_written_so_that_the_strictest_client_reads_it(at: datetime) -> None:
    written = instant(at)
    assert written.endswith("Z")
    assert abs(datetime.fromisoformat(written) - at) < timedelta(milliseconds=1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.slow
@given(
    st.sampled_from("123"),
    st.dictionaries(st.sampled_from([*example("3"), "group_id"]), JSON, max_size=4),
)
def test_any_field_values_are_accepted_or_refused(version: str, changes: dict[str, Any]) -> None:
    body = orjson.dumps(example(version) | changes)
    with suppress(OpenDsrCallRefused):
        request_in(read(body, Version(int(version))), SERVED)


@given(st.sampled_from("123"), st.binary(max_size=200))
def test_random_bytes_are_refused(version: str, body: bytes) -> None:
    assert refusal(version, body).status == 400
