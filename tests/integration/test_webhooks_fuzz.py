"""Anything may come in where platforms call: no fault of ours follows, and nothing that is signed is lost."""

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.channels.unsubscribe.links import MailSubscription
from shared.contract.events import RequestReceived, RequestRejected
from tests.unit.fakes import Office
from tests.unit.intake_api import LINKS
from tests.unit.platforms import (
    CUSTOMER,
    DATA_REQUEST,
    REDACT,
    ROOT,
    SHOP_REDACT,
    SIGNER,
    base64url,
    platforms,
    signed_request,
    signed_text,
)

TOPICS = ["customers/data_request", "customers/redact", "shop/redact"]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80).map(str.strip)
FEW = settings(max_examples=25)


def slipped(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return *body* with one or two fields changed, as they may come one day."""
    return st.dictionaries(st.sampled_from(sorted({*REDACT, *DATA_REQUEST})), JSON, max_size=2).map(
        lambda changes: {**body, **changes}
    )


CUSTOMERS = st.fixed_dictionaries({}, optional=dict.fromkeys(CUSTOMER, JSON)) | st.builds(
    lambda **changes: {**CUSTOMER, **changes}, email=st.emails() | PLAIN
)
BODIES = st.one_of(
    st.sampled_from([REDACT, DATA_REQUEST, SHOP_REDACT]).flatmap(slipped).map(json.dumps).map(str.encode),
    CUSTOMERS.map(lambda customer: json.dumps({**REDACT, "customer": customer}).encode()),
    JSON.map(json.dumps).map(str.encode),
    st.binary(max_size=200),
)


def assert_kept(office: Office, body: bytes) -> None:
    """Check that what was signed is a request, or lies where the staff sees it, as it came."""
    told = [*office.facts(RequestReceived), *office.facts(RequestRejected)]
    assert len(told) == 1
    assert body in office.sealed(told[0].request_id).values()


@FEW
@given(topic=st.sampled_from(TOPICS), body=BODIES, delivery=HEADER)
async def test_whatever_shopify_signs_is_taken_or_set_aside(topic: str, body: bytes, delivery: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.shopify(topic, body, Webhook_Id=delivery)
    assert answer.status_code in {200, 422}
    assert_kept(office, body)


@FEW
@given(topic=HEADER | st.sampled_from(TOPICS), signature=HEADER, body=BODIES)
async def test_unsigned_shopify_webhook_leaves_nothing(topic: str, signature: str, body: bytes) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.shopify(topic, body, Hmac_Sha256=signature)
    assert answer.status_code == 401
    assert office.vault.items == {}


@FEW
@given(
    text=st.binary(max_size=200).map(base64url)
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    | st.dictionaries(st.sampled_from(["user_id", "algorithm", "expires", "issued_at"]), JSON, max_size=4)
    .map(lambda changes: {"user_id": "7", "algorithm": "HMAC-SHA256", **changes})
    .map(lambda said: base64url(json.dumps(said).encode()))
)
async def test_whatever_meta_signs_is_taken_refused_for_its_words_or_set_aside(text: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.meta(signed_text(text))
    assert answer.status_code in {200, 401, 422}
    if answer.status_code != 401:  # another algorithm, or good no longer
        assert len([*office.facts(RequestReceived), *office.facts(RequestRejected)]) == 1


@FEW
@given(
    form=st.binary(max_size=200)
    | st.text(max_size=80).map(lambda text: f"signed_request={text}".encode(errors="replace"))
    | st.integers(0, len(signed_request()) - 1).map(
        lambda at: f"signed_request={signed_request()[:at]}".encode()
    )
)
async def test_unsigned_meta_webhook_leaves_nothing(form: bytes) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.http.post("/webhooks/meta", content=form)
    assert answer.status_code in {400, 401}
    assert office.vault.items == {}


@FEW
@given(
    st.binary(max_size=200)
    | JSON.map(json.dumps).map(str.encode)
    | JSON.map(lambda inner: json.dumps({"payload": inner}).encode())
    | st.lists(st.binary(max_size=60), min_size=1, max_size=4).map(
        lambda parts: json.dumps({"payload": ".".join(map(base64url, parts))}).encode()
    )
    | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "b64", "crit"]), JSON, max_size=4).map(
        lambda header: json.dumps({"payload": headed(header)}).encode()
    )
)
async def test_unsigned_apple_webhook_leaves_nothing(body: bytes) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.http.post("/webhooks/apple", content=body)
    assert answer.status_code in {400, 401}
    assert office.vault.items == {}


def headed(header: dict[str, Any]) -> str:
    """Return a token with another header, and the signature of the first."""
    _, claims, signature = SIGNER.token().split(".")
    return f"{base64url(json.dumps({'alg': 'RS256', 'kid': 'one', **header}).encode())}.{claims}.{signature}"


@FEW
@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "events"]), JSON, max_size=3
    )
)
async def test_whatever_apples_key_signs_is_taken_refused_or_set_aside(changes: dict[str, Any]) -> None:
    office = Office()
    if not isinstance(changes.get("iss", ""), str):
        del changes["iss"]  # the library that signs will not
    async with platforms(office) as calling:
        answer = await calling.apple(SIGNER.token(**changes))
    assert answer.status_code in {200, 401, 422}
    if answer.status_code != 401:
        kept = [*office.facts(RequestReceived), *office.facts(RequestRejected)]
        assert kept or changes["events"] in ([], "[]")


@FEW
@given(
    body=st.binary(max_size=200) | st.sampled_from([b"List-Unsubscribe=One-Click", b"--b\r\n\r\n", b"--b--"]),
    type_=HEADER
    | st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=b",
            "multipart/form-data; boundary=b; charset=utf-7",
            "multipart/form-data; boundary=" + "b" * 300,
        ]
    ),
    token=st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
)
async def test_no_click_breaks_anything(body: bytes, type_: str, token: str) -> None:
    ours = LINKS.url_for(MailSubscription(email="emil@example.org")).removeprefix(ROOT)
    office = Office()
    async with platforms(office) as calling:
        headers = {"Content-Type": type_}
        answer = await calling.http.post(ours, content=body, headers=headers)
        wrong = await calling.http.post(f"/unsubscribe/{token or 'x'}", content=body, headers=headers)
    assert answer.status_code in {200, 400, 413, 415}
    assert wrong.status_code == 404
    assert "Location" not in answer.headers
