"""A log-in proves the mailbox of the request, and not one that only looks like it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from services.verifier.login.handlers import LoginContext, LoginState, examine
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    IdToken,
    ProofExamined,
    ProofKind,
    ProofRef,
    RequestSubmitted,
    TokenPresented,
    Verdict,
)
from shared.runtime.jwks import KeySet
from tests.runtime_fakes import MemoryVault
from tests.unit.verifier.token_issuer import CLIENT, TLS, Issuer, issuing

CASE = "c" * 32
PROOF = ProofRef(kind=ProofKind.ID_TOKEN, ref="proof_0")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


async def examined(
    issuer: Issuer, of_the_token: str, of_the_request: str, *, account: str = ""
) -> ProofExamined:
    """Have a token of one mailbox examined for a request of another, which may name an *account*."""
    now, vault = datetime.now(UTC), MemoryVault()
    await vault.create(CASE)
    subject = {"email": of_the_request, "identifiers": {"customer_no": account} if account else {}}
    submitted = RequestSubmitted.model_validate({"reference": "r", "right": "access", "subject": subject})
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    token = IdToken(
        kind="id_token",
        token=issuer.token(CASE, now, email=of_the_token, **({"sub": account} if account else {})),
    )
    await vault.seal(CASE, PROOF.ref, token.model_dump_json().encode())
    async with httpx.AsyncClient(verify=TLS) as http:
        keys = KeySet(issuer.url, http)
        desk = LoginContext(
            CASE, LoginState(), now, vault=vault, keys=keys, client=CLIENT, identity="customer_no"
        )
        [fact] = await examine(TokenPresented(request_id=CASE, proof=PROOF), desk)
    assert isinstance(fact, ProofExamined)
    return fact


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of_the_token", "of_the_request"),
    [
        pytest.param("ada@example.org", "ada@example.org", id="the same"),
        pytest.param("Ada@Example.ORG", "ADA@example.org", id="in capitals"),
        pytest.param("straße@example.org", "STRAßE@example.org", id="in capitals, beside another letter"),
    ],
)
async def test_the_mailbox_of_the_request_is_proven(
    issuer: Issuer, of_the_token: str, of_the_request: str
) -> None:
    fact = await examined(issuer, of_the_token, of_the_request)
    assert (fact.verdict, fact.identities) == (Verdict.CONVINCING, ("email",))


@pytest.mark.parametrize(
    ("of_the_token", "of_the_request"),
    [
        pytest.param("straße@x.example", "strasse@x.example", id="sharp s"),
        pytest.param("strasse@x.example", "STRAẞE@x.example", id="capital sharp s"),
        pytest.param("\u212aim@x.example", "kim@x.example", id="Kelvin sign"),
        pytest.param("\ufb01ona@x.example", "fiona@x.example", id="ligature"),
        pytest.param("ζωης@x.example", "ζωησ@x.example", id="final sigma"),
        pytest.param("ada@straße.example", "ada@strasse.example", id="domain"),
        pytest.param("zoe\u0301@x.example", "zoe@x.example", id="accent"),
        pytest.param("mallory@x.example", "ada@x.example", id="another person"),
    ],
)
async def test_a_mailbox_that_only_looks_like_it_is_another(
    issuer: Issuer, of_the_token: str, of_the_request: str
) -> None:
    fact = await examined(issuer, of_the_token, of_the_request)
    assert (fact.verdict, fact.reasons) == (Verdict.REFUSED, ("token_subject_mismatch",))


async def test_account_proves_no_request_with_another_mailbox_than_its_own(issuer: Issuer) -> None:
    fact = await examined(issuer, "ada@x.example", "mallory@x.example", account="4711")
    assert (fact.verdict, fact.reasons) == (Verdict.REFUSED, ("token_subject_mismatch",))
    fact = await examined(issuer, "ada@x.example", "ada@x.example", account="4711")
    assert (fact.verdict, fact.identities) == (Verdict.CONVINCING, ("email", "customer_no"))
