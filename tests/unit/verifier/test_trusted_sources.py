"""A trusted source vouches for the identities that it verifies, and for no others."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.verifier.settings import VerifierSettings
from shared.contract.events import Assurance, Evidence, IdentityChallenged, IdentityVerified, RequestSubmitted
from tests.unit.fakes import SOURCE, Office, request
from tests.unit.intake_api import CASE
from tests.unit.shared.test_settings import GOOD
from tests.unit.verifier.test_agent_evidence import SOURCE as AGENCY

KIM, NUMBER, PHONE = "kim@example.org", "C-1001", "+353209100142"
EVERYTHING = {"email": KIM, "phone": PHONE, "identifiers": {"customer_no": NUMBER, "visitor": "9"}}
AGENT = {"name": "Rights Agency", "email": "agent@agency.example", "permission": "Signed."}


async def submitted(
    verifies: set[str] | None, subject: dict[str, Any], right: str = "access", **changes: Any
) -> Office:
    """Return an office that a source asked which *verifies* these identities; None: it is not stated."""
    office = Office(trusted={SOURCE: None if verifies is None else frozenset(verifies)})
    await office.submit(request(subject=subject, right=right, **changes))
    return office


@pytest.mark.parametrize(
    ("verifies", "proven"),
    [
        pytest.param(None, None, id="not stated"),
        pytest.param({"email"}, ("email",), id="mailbox"),
        pytest.param({"customer_no"}, ("customer_no",), id="customer number"),
        pytest.param({"email", "customer_no"}, ("customer_no", "email"), id="both"),
        pytest.param({"email", "phone_number"}, ("email", "phone_number"), id="number beside others"),
        pytest.param({"email", "loyalty_card"}, ("email",), id="one that the request does not name"),
    ],
)
async def test_stated_source_proves_its_verified_identities_that_the_request_names(
    verifies: set[str] | None, proven: tuple[str, ...] | None
) -> None:
    office = await submitted(verifies, EVERYTHING)
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.VOUCHED, proven)


@pytest.mark.parametrize(
    ("verifies", "subject"),
    [
        pytest.param({"customer_no"}, {"email": KIM}, id="a mailbox"),
        pytest.param({"email"}, {"identifiers": {"customer_no": NUMBER}}, id="a customer number"),
        pytest.param({"email"}, {"phone": PHONE}, id="a telephone number alone"),
        pytest.param({"email"}, {"name": "Kim Example"}, id="a name"),
    ],
)
async def test_request_that_names_nothing_the_source_verifies_is_proven_as_any_other(
    verifies: set[str], subject: dict[str, Any]
) -> None:
    office = await submitted(verifies, subject)
    assert office.facts(IdentityVerified) == []
    assert office.facts(IdentityChallenged)


async def test_confirmed_erasure_of_a_stated_source_proves_no_more_than_it_verifies() -> None:
    office = await submitted({"email"}, EVERYTHING, "erasure")
    assert office.facts(IdentityVerified) == []
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="p")
    assert office.the(IdentityVerified).proven == ("email",)


async def test_right_that_needs_no_proof_is_not_narrowed() -> None:
    office = await submitted({"customer_no"}, EVERYTHING, "opt_out_of_sale")
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.NONE_NEEDED, None)


@pytest.mark.parametrize(
    ("verifies", "believed"), [({"email"}, True), ({"customer_no"}, False), (None, True)]
)
async def test_agents_word_for_the_mailbox_counts_only_where_it_verifies_mailboxes(
    verifies: set[str] | None, *, believed: bool
) -> None:
    office = Office(trusted={AGENCY: None if verifies is None else frozenset(verifies)})
    form = request(agent=AGENT, right="erasure", residence={"country": "US", "subdivision": "CA"})
    attested = (Evidence.PERMISSION, Evidence.MAILBOX)
    await office.requests.lodge(RequestSubmitted.model_validate(form), AGENCY, attested=attested)
    await office.work()
    vouched = [fact.assurance for fact in office.facts(IdentityVerified)] == [Assurance.VOUCHED]
    assert vouched is believed


# --- the setting --------------------------------------------------------------------------------------------


def settings(monkeypatch: pytest.MonkeyPatch, *entries: str) -> VerifierSettings:
    for name, value in {**GOOD, "HABEAS_TRUSTED_SOURCES": json.dumps(entries)}.items():
        monkeypatch.setenv(name, value)
    return VerifierSettings()


def test_entry_states_the_identities_that_a_source_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = ("portal", "https://shop.example/desk=email,customer_no", "drp/AGENT=email")
    assert settings(monkeypatch, *entries).trusted == {
        "portal": None,
        "https://shop.example/desk": frozenset({"email", "customer_no"}),
        "drp/AGENT": frozenset({"email"}),
    }


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        (("portal=",), "names no identities"),
        (("portal=email,",), "names no identities"),
        (("portal=Email",), "names no identities"),
        (("portal=email customer_no",), "names no identities"),
        (("habeas/web=email",), "reserved"),
        (("portal", "portal=email"), "names a source twice"),
        (("portal=email", "portal=customer_no"), "names a source twice"),
    ],
)
def test_entry_that_states_nothing_clear_is_refused(
    monkeypatch: pytest.MonkeyPatch, entries: tuple[str, ...], error: str
) -> None:
    with pytest.raises(ValidationError, match=error):
        settings(monkeypatch, *entries)
