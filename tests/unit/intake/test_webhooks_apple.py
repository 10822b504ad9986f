"""Sign in with Apple's notifications, good and bad, signed as Apple signs them."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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
from shared.runtime import jwks
from shared.runtime.jwks import KEYS_KNOWN_FOR_S, LOOK_AGAIN_AFTER_S
from tests.unit.fakes import Office
from tests.unit.platforms import CLIENT, SIGNER, Platforms, Signer, happened, platforms


class Monotonic:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("type_", ["account-delete", "account-deleted", "consent-revoked"])
async def test_deleting_the_account_or_revoking_consent_is_an_erasure_request(type_: str) -> None:
    office = Office(trusted={"apple"})
    token = SIGNER.token(events=happened(type_))
    async with platforms(office) as calling:
        answer = await calling.apple(token)
    assert (answer.status_code, answer.content) == (200, b"")
    received = office.the(RequestReceived)
    assert (received.right, received.source, received.reachable) == (Right.ERASURE, "apple", False)
    sealed = office.sealed(received.request_id)
    subject = RequestSubmitted.model_validate_json(sealed[SUBMISSION]).subject
    assert subject.identifiers == {"apple_sub": "001473.fe6f.1234"}
    assert json.loads(sealed[MESSAGE]) == {"payload": token}
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED


async def test_unless_it_is_trusted_its_word_proves_nothing() -> None:
    office = Office()
    async with platforms(office) as calling:
        await calling.apple(SIGNER.token())
    assert office.the(RequestReceived)
    assert office.facts(IdentityVerified) == []


@pytest.mark.parametrize("type_", ["email-enabled", "email-disabled"])
async def test_whether_a_relayed_address_takes_mail_is_acknowledged_and_no_more(type_: str) -> None:
    office = Office(trusted={"apple"})
    events = happened(type_, email="q7@privaterelay.example", is_private_email="true")
    async with platforms(office) as calling:
        assert (await calling.apple(SIGNER.token(events=events))).status_code == 200
    assert office.vault.items == {}
    assert office.events() == []


async def test_the_same_notification_again_is_the_same_request() -> None:
    office = Office()
    async with platforms(office) as calling:
        for _ in range(2):
            await calling.apple(SIGNER.token())
        await calling.apple(SIGNER.token(jti="another"))
    assert len(office.facts(RequestReceived)) == 2


async def test_a_list_of_what_happened_makes_a_request_of_each() -> None:
    office = Office()
    other = {"type": "account-delete", "sub": "001473.another"}
    events = [json.loads(happened("account-delete")), json.loads(happened("email-enabled")), other]
    async with platforms(office) as calling:
        assert (await calling.apple(SIGNER.token(events=json.dumps(events)))).status_code == 200
        assert (await calling.apple(SIGNER.token(events=events))).status_code == 200
    assert len(office.facts(RequestReceived)) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://apple.example"}, id="of another issuer"),
        pytest.param({"iss": None}, id="of no issuer"),
        pytest.param({"aud": "com.example.another"}, id="for another app"),
        pytest.param({"aud": None}, id="for no app"),
        pytest.param({"aud": []}, id="for nobody"),
        pytest.param({"exp": 1_000_000_000}, id="expired"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"exp": "soon"}, id="with an end that is none"),
        pytest.param({"exp": float("inf")}, id="without an end, written as a number"),
        pytest.param({"exp": [1]}, id="with a list of ends"),
        pytest.param({"iat": 4_000_000_000}, id="of the future"),
        pytest.param({"jti": None}, id="without a name"),
        pytest.param({"events": None}, id="without events"),
    ],
)
async def test_foreign_or_expired_tokens_are_refused(changes: dict[str, Any]) -> None:
    office = Office(trusted={"apple"})
    async with platforms(office) as calling:
        assert (await calling.apple(SIGNER.token(**changes))).status_code == 401
    assert office.vault.items == {}


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


CLAIMS = jwt.decode(SIGNER.token(), options={"verify_signature": False})


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS512", "PS256", "ES256", "", None, 7])
async def test_another_algorithm_is_refused_without_reading_keys(alg: object) -> None:
    asked = SIGNER.asked
    async with platforms(Office()) as calling:
        assert (await calling.apple(forged({"alg": alg, "kid": "one"}, CLAIMS))).status_code == 401
    assert SIGNER.asked == asked


async def test_a_public_key_is_no_secret_to_sign_with() -> None:
    public = SIGNER.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": "one"}
    unsigned = forged(header, CLAIMS).rpartition(".")[0].encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(unsigned, public)
    async with platforms(Office()) as calling:
        assert (await calling.apple(forged(header, CLAIMS, signature))).status_code == 401


@pytest.mark.slow
async def test_a_token_with_another_key_is_refused() -> None:
    thief = Signer()
    for hint in ({}, {"jku": "https://thief.example/keys"}, {"jwk": thief.published()["keys"][0]}):
        office = Office(trusted={"apple"})
        async with platforms(office) as calling:
            assert (await calling.apple(thief.token(headers=hint))).status_code == 401
        assert office.vault.items == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"payload": 7}',
        b'{"payload": null}',
        b'{"payload": "' + b"x" * 40_000 + b'"}',
    ],
    ids=len,
)
async def test_a_body_without_a_payload_is_refused(body: bytes) -> None:
    async with platforms(Office()) as calling:
        answer = await calling.http.post("/webhooks/apple", content=body)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("a.b.c", id="no base64"),
        pytest.param("....", id="dots"),
        pytest.param("e30.e30.e30", id="empty"),
        pytest.param(base64.urlsafe_b64encode(b"[" * 20_000).decode() + ".e30.e30", id="deep"),
        pytest.param(SIGNER.token()[:-3], id="a part of one"),
        pytest.param(SIGNER.token(kid="nobody's"), id="of a key that nobody has"),
    ],
)
async def test_other_tokens_than_apples_are_refused(token: str) -> None:
    async with platforms(Office()) as calling:
        assert (await calling.apple(token)).status_code == 401


@pytest.mark.parametrize(
    "events",
    [
        pytest.param("{", id="no JSON"),
        pytest.param(json.dumps({"type": "account-delete"}), id="nobody"),
        pytest.param(json.dumps({"type": "account-delete", "sub": ""}), id="somebody without a name"),
        pytest.param(json.dumps({"type": "account-delete", "sub": "\ud800"}), id="half a letter"),
        pytest.param(7, id="a number"),
        pytest.param(happened("transferred"), id="something new"),
    ],
)
async def test_a_signed_unknown_message_is_set_aside(events: object) -> None:
    office = Office(trusted={"apple"})
    token = SIGNER.token(events=events)
    async with platforms(office) as calling:
        answer = await calling.apple(token)
    assert answer.status_code == 200
    assert office.facts(RequestReceived) == []
    rejected = office.the(RequestRejected)
    assert json.loads(office.sealed(rejected.request_id)[SET_ASIDE]) == {"payload": token}


async def refused_then_taken(calling: Platforms, token: str, clock: Monotonic) -> None:
    assert (await calling.apple(token)).status_code == 401  # asked for keys a moment ago
    clock.now += LOOK_AGAIN_AFTER_S + 1
    assert (await calling.apple(token)).status_code == 200


@pytest.mark.slow
async def test_keys_are_fetched_once_and_again_when_they_rotate_or_grow_old() -> None:
    signer, clock = Signer(), Monotonic()
    async with platforms(Office(), signer) as calling:
        calling.keys.clock = clock
        for name in ("one", "two", "three"):
            await calling.apple(signer.token(jti=name))
        assert signer.asked == 1
        signer.rotate("next")
        await refused_then_taken(calling, signer.token(), clock)
        assert signer.asked == 2
        clock.now += KEYS_KNOWN_FOR_S + 1
        assert (await calling.apple(signer.token())).status_code == 200
        assert signer.asked == 3


@pytest.mark.slow
async def test_a_flood_of_unknown_keys_does_not_become_a_flood_of_questions() -> None:
    signer = Signer()
    async with platforms(Office(), signer) as calling:
        for number in range(20):
            assert (await calling.apple(signer.token(kid=f"k{number}"))).status_code == 401
    assert signer.asked == 1


@pytest.mark.slow
async def test_while_apples_keys_cannot_be_had_it_is_asked_to_send_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "LOOK_AGAIN_AFTER_S", -1.0)
    signer, office = Signer(), Office()
    signer.down = True
    async with platforms(office, signer) as calling:
        answer = await calling.apple(signer.token())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        signer.down = False
        assert (await calling.apple(signer.token())).status_code == 200
    assert office.the(RequestReceived)


async def test_for_several_apps_one_of_them_ours_is_for_us() -> None:
    async with platforms(Office()) as calling:
        assert (await calling.apple(SIGNER.token(aud=["com.example.other", CLIENT]))).status_code == 200
