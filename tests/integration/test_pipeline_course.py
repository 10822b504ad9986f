"""What can come between a request and its end: more time, an appeal, a customer who decides."""

import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from shared.contract.references import short_reference
from tests.integration.pipeline import SHOP, Heard, Pipeline, Somebody, command, followed, running
from tests.waiting import eventually

STRANGER = Somebody("nobody.knows@example.org", "Nemo Unbekannt")
CUSTOMER = Somebody("privacy@shop.example.com", "Example Shop")
SAID = "You have overlooked the invoices of my second account."
VIRGINIA = {"country": "US", "subdivision": "VA"}


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("course")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def staff(pipeline: Pipeline, *words: str) -> None:
    code, _, errors = await command(pipeline, *words)
    assert code == 0, errors


async def written(heard: Heard, case: str, letter: str) -> None:
    """Wait until *letter* about *case* has gone out."""
    await eventually(lambda: letter in [event["data"]["letter"] for event in heard.of(case, "notice.sent")])


@pytest.mark.parametrize(
    "words",
    [
        "request extend {} --reason complexity",
        "request approve-erasure {}",
        "verify accept {} --reason looked_at --identity email",
        "breach end-hold {}",
        "breach abort {} --yes",
        "inbox done {} mail --because answered",
    ],
)
async def test_decision_about_an_unknown_id_is_an_error(pipeline: Pipeline, words: str) -> None:
    signer = f"signer.{words.split()[1].replace('-', '.')}"
    code, printed, errors = await command(pipeline, *words.format("0" * 32).split(), "--as", signer)
    assert (code, printed) == (2, "")
    assert re.search(
        "no request has this id|no such incident|no notices were released|no such mail", errors
    ), errors


async def test_request_is_named_by_the_beginning_of_its_id_or_by_its_reference(pipeline: Pipeline) -> None:
    case = await pipeline.lodge(STRANGER.asks("portability"), source=SHOP)
    await followed(pipeline, case)
    for name in (case[:12], short_reference(case)):
        code, printed, errors = await command(pipeline, "status", name, "--json", "--as", "bert")
        assert code == 0, errors
        assert json.loads(printed)["id"] == case
    code, _, errors = await command(pipeline, "request", "close", case[:12], "--as", "bert")
    assert (code, "is not stopped" in errors) == (2, True)


async def test_extension_is_announced_with_the_new_day(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.lodge(STRANGER.asks("access"), source=SHOP)
    promised = (await pipeline.until_it_is("challenged", case))["due_on"]
    await staff(pipeline, "request", "extend", case, "--as", "anna", "--reason", "complexity")
    await eventually(lambda: bool(heard.of(case, "request.extended")))
    [extended] = heard.of(case, "request.extended")
    assert extended["data"]["promised_on"] == promised < extended["data"]["due_on"]
    page = await pipeline.page(case)
    assert (page["due_on"], page["extended"]) == (extended["data"]["due_on"], True)
    await written(heard, case, "extension")
    again = ("request", "extend", case, "--as", "anna", "--reason", "complexity")
    code, printed, errors = await command(pipeline, *again)
    assert (code, printed) == (2, "")
    assert "extended already" in errors
    assert len(heard.of(case, "request.extended")) == 1


async def test_an_appeal_that_is_granted_takes_the_request_up_again(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("erasure", STRANGER, residence=VIRGINIA)
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"
    said = await pipeline.http.post(f"/v1/requests/{case}/appeals", json={"statement": SAID})
    assert said.status_code == 202
    await eventually(lambda: bool(heard.of(case, "appeal.received")))
    page = await pipeline.page(case)
    assert (page["appeal"], page["laws"][0]) == ("appeal", "us-va@2023-01-01")
    assert page["appeal_due_on"] is not None
    again = await pipeline.http.post(f"/v1/requests/{case}/appeals", json={"statement": SAID})
    assert again.status_code == 409
    await staff(pipeline, "appeals", "decide", case, "--as", "anna", "--granted")
    await eventually(lambda: bool(heard.of(case, "appeal.answered")))
    [answered] = heard.of(case, "appeal.answered")
    renewed = answered["data"]["renewed"]
    await eventually(lambda: bool(heard.of(renewed, "request.received")))
    assert (await pipeline.until_it_is("challenged", renewed))["follows"] == case
    await written(heard, case, "appeal_decided")
    assert not any(SAID in str(event) for event in heard.events)


async def test_explanation_of_an_appeal_reaches_the_person_and_no_event(
    pipeline: Pipeline, heard: Heard, tmp_path_factory: pytest.TempPathFactory
) -> None:
    case = await pipeline.verified("access", STRANGER, residence=VIRGINIA)
    await pipeline.closed(case)
    await pipeline.http.post(f"/v1/requests/{case}/appeals", json={"statement": SAID})
    await eventually(lambda: bool(heard.of(case, "appeal.received")))
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("There is no second account under your address.", encoding="utf-8")
    await staff(
        pipeline,
        "appeals",
        "decide",
        case,
        "--as",
        "anna",
        "--refused",
        "--reason",
        "unidentifiable",
        "--explanation",
        str(text),
    )
    await written(heard, case, "appeal_decided")
    letter = pipeline.letters_to(STRANGER, case)[-1]
    assert "There is no second account" in letter.body()
    assert "oag.state.va.us" in letter.body()
    assert not any("second account" in str(event) for event in heard.events)


async def test_a_request_about_a_customers_data_goes_to_the_customer_and_is_not_answered(
    pipeline: Pipeline, heard: Heard
) -> None:
    asked = Somebody(ADA.email, ADA.name).asks(
        "access", role="end_user", controller={"name": CUSTOMER.name, "email": CUSTOMER.email}
    )
    case = await pipeline.lodge(asked, source=SHOP)
    page = await pipeline.closed(case)
    assert page["outcome"] is None
    assert heard.of(case, "identity.challenged") == []
    await eventually(lambda: bool(pipeline.letters_to(CUSTOMER, case)))
    letter = pipeline.letters_to(CUSTOMER, case)[-1].body()
    assert ADA.email not in letter
    [link] = set(re.findall(r"https?://[^\s\"<]+(/forwarded/[^\s\"<]+)", letter))
    assert ADA.email not in (await pipeline.http.get(link)).text
    assert ADA.email in (await pipeline.http.post(link)).text
    await eventually(lambda: bool(heard.of(case, "forwarding.fetched")))
    assert not any(CUSTOMER.email in str(event) for event in heard.events)
