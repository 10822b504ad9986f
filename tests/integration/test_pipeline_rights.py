"""Correct, restrict, object, opt out, withdraw consent: from the request to the letter, by all services."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from services.fulfillment.changes.suppressions import SuppressionPurpose
from shared.contract.references import short_reference
from shared.runtime.mongo import Document
from tests.integration.pipeline import PORTAL, Heard, Pipeline, Somebody, command, running
from tests.waiting import eventually

ADA_ASKS = Somebody(ADA.email, ADA.name)
STRANGER = Somebody("nobody.knows@example.org", ADA.name)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("rights")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def contact_of(pipeline: Pipeline, person: Somebody) -> Document:
    found = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    assert found is not None
    return dict(found)


async def subscriber(pipeline: Pipeline, skip: int) -> Somebody:
    """Return somebody who gets the newsletter."""
    query = pipeline.business("portal", "newsletter").find({"subscribed": True}).sort("_id").skip(skip)
    return Somebody((await query.to_list(1))[0]["email"], "Sascha Beispiel")


async def subscription(pipeline: Pipeline, person: Somebody) -> Document:
    found = await pipeline.business("portal", "newsletter").find_one({"email": person.email})
    assert found is not None
    return dict(found)


def kinds(heard: Heard, case: str) -> list[str]:
    return [event["data"]["letter"] for event in heard.of(case, "notice.sent")]


async def answered(pipeline: Pipeline, heard: Heard, case: str) -> dict[str, Any]:
    """Return how a request stands once it is closed, and everybody has heard of it."""
    page = await pipeline.closed(case)
    await eventually(lambda: heard.of(case, "request.closed"))
    return page


def subjects(heard: Heard, case: str) -> list[str]:
    """Return what the recipients of data heard."""
    return [event["type"].split(".")[2] for event in heard.of(case, "habeas.subject.")]


# --- restriction --------------------------------------------------------------------------------------


async def test_restricted_data_is_only_stored_and_a_letter_precedes_its_end(
    pipeline: Pipeline, heard: Heard
) -> None:
    before = await contact_of(pipeline, ADA_ASKS)
    case = await pipeline.verified("restriction", ADA_ASKS)
    page = await answered(pipeline, heard, case)
    assert page["outcome"] == "partly_granted"
    assert await contact_of(pipeline, ADA_ASKS) == {**before, "restricted": True}
    customer = await pipeline.business("billing", "customers").find_one({"_id": before["customer_id"]})
    assert customer["restricted"] is True
    assert await pipeline.business("portal", "contacts").count_documents({"restricted": True}) == 1
    (fulfilled,) = heard.of(case, "request.fulfilled")
    assert fulfilled["data"]["dispositions"]["marked"] == 2
    assert fulfilled["data"]["reasons"] == {"not_markable": fulfilled["data"]["dispositions"]["unchanged"]}
    told = pipeline.letter(ADA_ASKS, case, "while the mark stands, it may only be stored")
    assert "The person who pays (Records: 1)" in told
    assert "cannot mark them, so they are not marked." in told
    assert "We will inform you before the restriction ends." in told
    assert subjects(heard, case) == ["restricted"]

    asked = ADA_ASKS.asks("access")
    await pipeline.send(asked, source=PORTAL)
    assert (await pipeline.closed(await pipeline.id_of(asked)))["package_url"]

    words = ("--as", "dana.muster", "--reason", "accuracy_verified")
    code, output, _ = await command(pipeline, "request", "lift-restriction", case, *words)
    assert (code, "gets a letter" in output) == (0, True)
    await eventually(lambda: subjects(heard, case) == ["restricted", "unrestricted"])
    assert await contact_of(pipeline, ADA_ASKS) == before
    types = [event["type"] for event in heard.of(case)]
    assert kinds(heard, case) == ["code", "outcome", "lifting"]
    assert types.index("habeas.restriction.announced.v1") < types.index("habeas.subject.unrestricted.v1")
    told = pipeline.letter(ADA_ASKS, case, "We will now end the restriction and may then use your data")
    assert "We checked your data, and it is correct. (GDPR Art. 18(1)(a))" in told


async def test_nothing_is_lifted_that_was_never_restricted(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.lodge(STRANGER.asks("opt_out_of_sale"))
    await answered(pipeline, heard, case)
    words = ("--as", "dana.muster", "--reason", "person_asks")
    code, printed, errors = await command(pipeline, "request", "lift-restriction", case, *words)
    assert (code, printed) == (2, "")
    assert "restricts nothing" in errors
    assert kinds(heard, case) == ["acknowledgement", "outcome"]
    assert subjects(heard, case) == ["opted_out"]


async def test_a_restriction_of_nobodys_data_says_that_nothing_is_held(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await pipeline.verified("restriction", STRANGER)
    assert (await answered(pipeline, heard, case))["outcome"] == "nothing_held"
    assert pipeline.letter(STRANGER, case, "we found no data about you")
    assert subjects(heard, case) == []


# --- without proof ------------------------------------------------------------------------------------

PROOFLESS: list[Any] = [
    pytest.param(
        "opt_out_of_sale",
        {},
        ("subscribed", SuppressionPurpose.SALE, "opted_out", "your data may no longer be sold or shared."),
        id="opt-out of sale",
    ),
    pytest.param(
        "objection",
        {"details": {"scope": ["direct_marketing"]}},
        ("subscribed", SuppressionPurpose.MARKETING, "objected", "We recorded your objection"),
        id="objection to direct marketing",
    ),
    pytest.param(
        "consent_withdrawal",
        {},
        (
            "consent.given",
            SuppressionPurpose.CONSENT,
            "consent_withdrawn",
            "We recorded your withdrawal",
        ),
        id="withdrawal of consent",
    ),
]


@pytest.mark.parametrize(("right", "more", "expected"), PROOFLESS)
async def test_opt_outs_take_effect_at_once_without_proof(
    pipeline: Pipeline,
    heard: Heard,
    right: str,
    more: dict[str, Any],
    expected: tuple[str, SuppressionPurpose, str, str],
) -> None:
    field, purpose, notice, words = expected
    person = await subscriber(pipeline, skip=3)
    before = await subscription(pipeline, person)
    case = await pipeline.lodge(person.asks(right, **more))
    page = await answered(pipeline, heard, case)
    assert page["outcome"] == "granted"
    after = await subscription(pipeline, person)
    first, _, rest = field.partition(".")
    assert (after[first][rest] if rest else after[first]) is False
    assert {**after, first: before[first]} == before, "nothing else has changed"
    assert await pipeline.stopped(person, purpose)
    assert kinds(heard, case) == ["acknowledgement", "outcome"]
    assert pipeline.letter(person, case, "We need no proof from you")
    assert pipeline.letter(person, case, words)
    assert subjects(heard, case) == [notice]


@pytest.mark.parametrize(("right", "more", "expected"), PROOFLESS)
async def test_no_answer_reveals_whether_a_person_is_known(
    pipeline: Pipeline,
    heard: Heard,
    right: str,
    more: dict[str, Any],
    expected: tuple[str, SuppressionPurpose, str, str],
) -> None:
    known = await subscriber(pipeline, skip=5)
    answers = {}
    for person in (known, Somebody(f"unknown.{right}@example.org".replace("_", "."), known.name)):
        case = await pipeline.lodge(person.asks(right, **more))
        page = await answered(pipeline, heard, case)
        (fulfilled,) = heard.of(case, "request.fulfilled")
        letter = pipeline.letter(person, case, expected[3])
        told = letter.replace(case, "…").replace(short_reference(case), "…")
        data = {key: value for key, value in fulfilled["data"].items() if key not in {"answer", "request_id"}}
        recipients = sorted(e["data"]["recipient"] for e in heard.of(case, "recipient.concerned"))
        assert all(name in told for name in recipients)
        answers[person.email] = (
            re.sub(r"/(requests|stop)/\S+", "…", told),
            page["outcome"],
            data,
            recipients,
        )
        assert await pipeline.stopped(person, expected[1])
    one, other = answers.values()
    assert one == other
    assert one[0]


async def test_the_use_of_sensitive_data_is_limited_without_proof(pipeline: Pipeline, heard: Heard) -> None:
    person = (await pipeline.people())[9]
    case = await pipeline.lodge(person.asks("limit_sensitive_use"))
    assert (await answered(pipeline, heard, case))["outcome"] == "granted"
    assert await pipeline.stopped(person, SuppressionPurpose.SENSITIVE)
    assert pipeline.letter(person, case, "only where the law allows it without your choice")
    (told,) = heard.of(case, "subject.opted_out")
    assert told["data"]["right"] == "limit_sensitive_use"
    assert set(told["data"]["identifiers"]) == {"email"}
    assert person.email not in str(told)


async def test_suppression_list_takes_identities_that_no_data_map_knows(
    pipeline: Pipeline,
) -> None:
    subject = {"identifiers": {"loyalty_no": "L-77"}}
    case = await pipeline.lodge({"reference": "loyal", "right": "opt_out_of_sale", "subject": subject})
    await pipeline.until_it_is("answered", case)
    assert await pipeline.stopped({"loyalty_no": ("L-77",)}, SuppressionPurpose.SALE)


async def test_request_without_a_known_identity_is_referred_to_staff(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await pipeline.lodge(
        {"reference": "by-name", "right": "opt_out_of_sale", "subject": {"name": ADA.name}}
    )
    await pipeline.until_it_is("referred", case)
    await eventually(lambda: heard.of(case, "request.referred"))
    assert [event["data"]["reason"] for event in heard.of(case, "request.referred")] == ["nothing_declared"]


# --- rectification ------------------------------------------------------------------------------------


def corrections(**wanted: str) -> dict[str, Any]:
    return {"corrections": [{"field": name.replace("__", "."), "value": v} for name, v in wanted.items()]}


async def test_correction_changes_named_fields_and_the_letter_shows_both_values(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await pipeline.people())[16]
    before = await contact_of(pipeline, person)
    customer = await pipeline.business("billing", "customers").find_one({"_id": before["customer_id"]})
    wanted = corrections(contacts__address__city="Neustadt", date_of_birth="1971-02-03")
    case = await pipeline.verified("rectification", person, details=wanted)
    assert (await answered(pipeline, heard, case))["outcome"] == "granted"
    after = await contact_of(pipeline, person)
    assert after["address"] == {**before["address"], "city": "Neustadt"}
    assert after["date_of_birth"].date().isoformat() == "1971-02-03"
    unchanged = {"address", "date_of_birth"}
    assert {k: v for k, v in after.items() if k not in unchanged} == {
        k: v for k, v in before.items() if k not in unchanged
    }
    assert await pipeline.business("billing", "customers").find_one({"_id": customer["_id"]}) == customer
    told = pipeline.letter(person, case, "We corrected your data.")
    assert f"Before: {before['address']['city']}" in told
    assert "Now: Neustadt" in told
    assert "Hosting provider of the portal" in told, "GDPR Art. 19"
    (notice,) = heard.of(case, "subject.rectified")
    prefix = pipeline.prefix
    assert notice["data"]["fields"] == [
        f"{prefix}portal.contacts.address.city",
        f"{prefix}portal.contacts.date_of_birth",
    ]
    assert "Neustadt" not in str(heard.of(case)), "values are told to the person alone"


async def test_denied_correction_has_a_reason_and_keeps_the_statement(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await pipeline.people())[17]
    before = await contact_of(pipeline, person)
    wanted = {
        **corrections(shoe_size="44"),
        "statement": "I never had that address.",
    }
    case = await pipeline.verified("rectification", person, details=wanted)
    page = await answered(pipeline, heard, case)
    assert page["outcome"] == "refused"
    assert await contact_of(pipeline, person) == before
    told = pipeline.letter(person, case, "What we did not correct")
    assert "We hold no such detail about you." in told
    assert "We keep your statement with your request" in told
    assert "Supervisory Authority of Example State" in told
    assert subjects(heard, case) == []
    statements = pipeline.client[f"{pipeline.prefix}_fulfillment"]["disagreements"]
    kept = await statements.find_one({"_id": case})
    assert kept is not None
    assert "address" not in str(kept)
    _, output, _ = await command(pipeline, "request", "disagreements", "--identity", f"email={person.email}")
    assert output == f"{case}  I never had that address.\n"


async def test_a_correction_in_part_says_both(pipeline: Pipeline, heard: Heard) -> None:
    person = (await pipeline.people())[18]
    wanted = corrections(contacts__job_title="Gardener", shoe_size="44")
    case = await pipeline.verified("rectification", person, details=wanted)
    assert (await answered(pipeline, heard, case))["outcome"] == "partly_granted"
    assert (await contact_of(pipeline, person))["job_title"] == "Gardener"
    told = pipeline.letter(person, case, "We corrected your data.")
    assert "What we did not correct, and why" in told
    assert "You can ask again and add a short statement." in told
    (fulfilled,) = heard.of(case, "request.fulfilled")
    assert (fulfilled["data"]["dispositions"], fulfilled["data"]["reasons"]) == (
        {"corrected": 1},
        {"not_found": 1},
    )


async def test_details_that_would_not_open_the_data_do_not_change_it(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await pipeline.people())[19]
    contact = await contact_of(pipeline, person)
    points = {
        "date_of_birth": contact["date_of_birth"].date().isoformat(),
        "postal_code": contact["address"]["postal_code"],
    }
    asked = person.asks(
        "rectification",
        proofs=[{"kind": "data_points", "points": points}],
        details=corrections(contacts__job_title="Gardener"),
    )
    case = await pipeline.lodge(asked)
    await pipeline.until_it_is("challenged", case)
    assert not heard.of(case, "identity.verified")
    assert await contact_of(pipeline, person) == contact
