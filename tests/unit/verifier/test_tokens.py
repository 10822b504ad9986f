"""ID tokens of the company's log-in, good and bad, of an issuer that really answers."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.verifier.login.handlers import CLOCKS_DIFFER, MOST_AGE, Login, check
from shared.runtime.jwks import KEYS_KNOWN_FOR_S, LOOK_AGAIN_AFTER_S, IssuerUnavailable, KeySet
from shared.runtime.tokens import TokenRefused
from tests.unit.verifier.token_issuer import CLIENT, TLS, Issuer, issuing

NONCE = "c" * 32


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


class Monotonic:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def keys(issuer: Issuer) -> AsyncIterator[KeySet]:
    issuer.keys = dict(list(issuer.keys.items())[:1])
    issuer.asked.clear()
    issuer.down = False
    async with httpx.AsyncClient(verify=TLS) as http:
        yield KeySet(issuer.url, http, Monotonic())


def now() -> datetime:
    return datetime.now(UTC)


async def checked(keys: KeySet, token: str) -> Login:
    return await check(token, keys, CLIENT, NONCE, now())


async def refused(keys: KeySet, token: str) -> str:
    with pytest.raises(TokenRefused) as error:
        await checked(keys, token)
    return error.value.code


@pytest.mark.slow
async def test_good_token_names_the_account(issuer: Issuer, keys: KeySet) -> None:
    login = await checked(keys, issuer.token(NONCE, now()))
    assert (login.subject, login.email) == ("K-7741-Q", "ottilie.quastenflosser@example.org")


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_address_that_the_issuer_has_not_verified_is_none(
    issuer: Issuer, keys: KeySet, verified: object
) -> None:
    assert (await checked(keys, issuer.token(NONCE, now(), email_verified=verified))).email is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"nonce": "d" * 32}, "token_nonce", id="of another request"),
        pytest.param({"nonce": None}, "token_incomplete", id="without a nonce"),
        pytest.param({"aud": "another-client"}, "token_audience", id="for another client"),
        pytest.param({"aud": [CLIENT, "another"]}, "token_audience", id="for several, without azp"),
        pytest.param({"aud": [CLIENT, "another"], "azp": "another"}, "token_audience", id="to another"),
        pytest.param({"iss": "https://login.example.net"}, "token_issuer", id="of another issuer"),
        pytest.param({"exp": 1_000_000_000}, "token_expired", id="expired"),
        pytest.param({"exp": None}, "token_incomplete", id="without an end"),
        pytest.param({"iat": 4_000_000_000}, "token_iat", id="of the future"),
        pytest.param({"sub": None}, "token_incomplete", id="without subject"),
        pytest.param({"azp": "another"}, "token_audience", id="for us, to another"),
        pytest.param({"azp": [CLIENT]}, "token_audience", id="to a list"),
    ],
)
async def test_a_token_that_is_not_ours_is_refused(
    issuer: Issuer, keys: KeySet, changes: dict[str, Any], code: str
) -> None:
    assert await refused(keys, issuer.token(NONCE, now(), **changes)) == code


async def test_for_several_with_us_as_the_authorised_one_is_fine(issuer: Issuer, keys: KeySet) -> None:
    token = issuer.token(NONCE, now(), aud=[CLIENT, "another"], azp=CLIENT)
    assert (await checked(keys, token)).subject == "K-7741-Q"


async def test_for_us_alone_with_us_as_the_authorised_one_is_fine(issuer: Issuer, keys: KeySet) -> None:
    assert await checked(keys, issuer.token(NONCE, now(), azp=CLIENT))


async def test_time_of_issue_does_not_count_as_time_of_log_in(issuer: Issuer, keys: KeySet) -> None:
    assert await refused(keys, issuer.token(NONCE, now(), auth_time=None)) == "token_auth_time"
    long_ago = issuer.token(NONCE, now(), auth_time=None, iat=1_000_000_000)
    assert await refused(keys, long_ago) == "token_auth_time"


@pytest.mark.parametrize(
    "auth_time",
    ["soon", "1000000000", "", True, [], [1], {}, float("nan"), float("inf"), float("-inf"), 10**400, -1],
)
async def test_a_log_in_at_no_moment_is_refused(issuer: Issuer, keys: KeySet, auth_time: object) -> None:
    assert await refused(keys, issuer.token(NONCE, now(), auth_time=auth_time)) == "token_auth_time"


@pytest.mark.parametrize(
    "age",
    [
        pytest.param(timedelta(days=-365), id="in a year"),
        pytest.param(-CLOCKS_DIFFER - timedelta(seconds=5), id="sooner than clocks differ"),
        pytest.param(MOST_AGE + CLOCKS_DIFFER + timedelta(seconds=5), id="a little too long ago"),
        pytest.param(timedelta(days=9_000), id="long ago"),
    ],
)
async def test_a_log_in_in_the_future_or_too_long_ago_is_refused(
    issuer: Issuer, keys: KeySet, age: timedelta
) -> None:
    token = issuer.token(NONCE, now(), auth_time=(now() - age).timestamp())
    assert await refused(keys, token) == "token_auth_time"


@pytest.mark.parametrize(
    "age", [timedelta(), MOST_AGE, MOST_AGE + CLOCKS_DIFFER / 2, -CLOCKS_DIFFER / 2], ids=str
)
async def test_a_log_in_of_late_is_fine_though_clocks_differ(
    issuer: Issuer, keys: KeySet, age: timedelta
) -> None:
    assert await checked(keys, issuer.token(NONCE, now(), auth_time=(now() - age).timestamp()))


async def test_a_token_that_never_ends_breaks_nothing(issuer: Issuer, keys: KeySet) -> None:
    assert await checked(keys, issuer.token(NONCE, now(), exp=10**400))


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_an_unsigned_token_is_refused(issuer: Issuer, keys: KeySet) -> None:
    claims = jwt.decode(issuer.token(NONCE, now()), options={"verify_signature": False})
    for alg in ("none", "None", "NONE", "HS256", "RS512", "EdDSA"):
        assert await refused(keys, forged({"alg": alg, "kid": "one"}, claims)) == "token_alg"


async def test_a_public_key_is_no_secret_to_sign_with(issuer: Issuer, keys: KeySet) -> None:
    """Confusion of algorithms: HS256 with the public key, which everybody knows."""
    public = issuer.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(issuer.token(NONCE, now()), options={"verify_signature": False})
    header = {"alg": "HS256", "kid": "one"}
    unsigned = forged(header, claims).rpartition(".")[0].encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(unsigned, public)
    assert await refused(keys, forged(header, claims, signature)) == "token_alg"


@pytest.mark.slow
@pytest.mark.parametrize("hint", ["jku", "x5u", "jwk"])
async def test_key_location_in_a_token_is_ignored(issuer: Issuer, keys: KeySet, hint: str) -> None:
    with issuing() as thief:
        stolen = thief.keys["one"]
        claims = jwt.decode(issuer.token(NONCE, now()), options={"verify_signature": False})
        value = thief.answer("/keys")["keys"][0] if hint == "jwk" else f"{thief.url}/keys"  # type: ignore[index]
        thief.asked.clear()
        token = jwt.encode(claims, stolen, algorithm="RS256", headers={"kid": "one", hint: value})
        assert await refused(keys, token) == "token_signature"
        assert thief.asked == []


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1", "", "two"])
async def test_unknown_key_is_refused(issuer: Issuer, keys: KeySet, kid: str) -> None:
    token = jwt.encode({"sub": "x"}, issuer.keys["one"], algorithm="RS256", headers={"kid": kid})
    assert await refused(keys, token) == "token_signature"


SURROGATE = base64.urlsafe_b64encode(rb'{"alg": "RS256", "kid": "\ud800"}').decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "....",
        "e30.e30.e30",
        "\x00.\x00.\x00",
        pytest.param("\ud800.e30.e30", id="half of a surrogate pair"),
        pytest.param(f"{SURROGATE}.e30.e30", id="half of a surrogate pair in the header"),
    ],
)
async def test_malformed_token_is_refused(keys: KeySet, token: str) -> None:
    assert (await refused(keys, token)).startswith("token_")


@pytest.mark.slow
async def test_keys_are_fetched_once_and_again_when_they_rotate(issuer: Issuer, keys: KeySet) -> None:
    clock = keys.clock
    assert isinstance(clock, Monotonic)
    for _ in range(3):
        await checked(keys, issuer.token(NONCE, now()))
    assert issuer.asked.count("/keys") == 1
    issuer.rotate("next")
    assert await refused(keys, issuer.token(NONCE, now())) == "token_signature"  # asked a moment ago
    clock.now += LOOK_AGAIN_AFTER_S + 1
    await checked(keys, issuer.token(NONCE, now()))
    assert issuer.asked.count("/keys") == 2
    issuer.rotate("one")


async def test_a_flood_of_unknown_keys_does_not_become_a_flood_of_questions(
    issuer: Issuer, keys: KeySet
) -> None:
    for number in range(20):
        token = jwt.encode({}, issuer.keys["one"], algorithm="RS256", headers={"kid": f"k{number}"})
        await refused(keys, token)
    assert issuer.asked.count("/keys") == 1


async def test_an_issuer_that_does_not_answer_is_asked_again_later(issuer: Issuer, keys: KeySet) -> None:
    issuer.down = True
    with pytest.raises(IssuerUnavailable):
        await checked(keys, issuer.token(NONCE, now()))
    issuer.down = False
    clock = keys.clock
    assert isinstance(clock, Monotonic)
    clock.now += LOOK_AGAIN_AFTER_S + 1
    assert await checked(keys, issuer.token(NONCE, now()))


async def test_keys_grow_old(issuer: Issuer, keys: KeySet) -> None:
    clock = keys.clock
    assert isinstance(clock, Monotonic)
    await checked(keys, issuer.token(NONCE, now()))
    clock.now += KEYS_KNOWN_FOR_S + 1
    await checked(keys, issuer.token(NONCE, now()))
    assert issuer.asked.count("/keys") == 2


async def test_a_token_of_a_minute_ago_is_forgiven(issuer: Issuer, keys: KeySet) -> None:
    moment = now() - timedelta(seconds=30)
    assert await checked(keys, issuer.token(NONCE, moment))


def pointing_to(issuer: Issuer, url: str, asked: list[str]) -> httpx.MockTransport:
    """Return the transport to an issuer with keys at *url*; requests are noted in *asked*."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"issuer": issuer.url, "jwks_uri": url})
        return httpx.Response(200, json=issuer.answer("/keys"))

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org/keys",
        "HTTP://login.example.org/keys",
        "http://127.0.0.1.example.org/keys",
        "http://127.0.0.1@login.example.org/keys",
        "http://localhost.example.org/keys",
        "http://192.0.2.7/keys",
        "//login.example.org/keys",
        "/keys",
        "",
        "https:///keys",
        "https://xn--a/keys",
        "http://[::1/keys",
    ],
)
async def test_keys_are_not_fetched_where_they_can_be_changed_on_the_way(
    issuer: Issuer, keys: KeySet, url: str
) -> None:
    asked: list[str] = []
    async with httpx.AsyncClient(transport=pointing_to(issuer, url, asked)) as http:
        with pytest.raises(IssuerUnavailable):
            await checked(KeySet(keys.issuer, http), issuer.token(NONCE, now()))
    assert asked == [f"{issuer.url}/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.org/keys",
        "https://xn--strae-oqa.example.org/keys",
        "http://127.0.0.1:8080/keys",
        "http://localhost/keys",
        "http://[::1]:8080/keys",
    ],
)
async def test_keys_are_fetched_over_tls_or_from_this_machine(issuer: Issuer, keys: KeySet, url: str) -> None:
    asked: list[str] = []
    async with httpx.AsyncClient(transport=pointing_to(issuer, url, asked)) as http:
        assert await checked(KeySet(keys.issuer, http), issuer.token(NONCE, now()))
    assert asked[1:] == [url]
