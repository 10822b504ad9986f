"""P20: personal data is neither sold nor shared once the person says so, and the answer claims no more."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import Heard, Pipeline, Somebody, command
from tests.promises.people import People, subscribed
from tests.waiting import eventually

DONE, SO_FAR = "We did what you asked for", "What we have done about your request"


async def test_opt_out_is_called_done_only_when_no_recipient_has_to_be_notified(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = await people.subscriber(0)
    residence = {"country": "US", "subdivision": "CA"}
    case = await pipeline.lodge(person.asks("opt_out_of_sale", residence=residence))
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert await pipeline.stopped(person, SuppressionPurpose.SALE)
    assert await subscribed(pipeline, person) is False

    letter = pipeline.letter(person, case, "your data may no longer be sold or shared")
    assert SO_FAR in letter
    assert DONE not in letter
    assert "Recipients of your data" not in letter, "the letter to a stranger would be the same"
    assert "whether or not they have data about you" in letter

    [fulfilled] = await heard.until(case, "request.fulfilled")
    assert fulfilled["data"]["recipients"]

    async def untold() -> set[str]:
        names = await outstanding(pipeline, case)
        assert len(names) == fulfilled["data"]["recipients"], names
        return names

    names: set[str] = await eventually(untold)
    assert all(name in letter for name in names)


async def outstanding(pipeline: Pipeline, case: str) -> set[str]:
    """Return the recipients that the staff has to notify about *case*, as the staff lists them."""
    _, output, _ = await command(pipeline, "recipients", "--as", "dana.muster", "--json")
    rows: list[dict[str, Any]] = json.loads(output)
    return {row["recipient"] for row in rows if row["case"] == case and row["state"] == "failed"}


async def test_answer_states_the_twelve_months_without_a_question_where_the_law_sets_them(
    pipeline: Pipeline,
) -> None:
    """11 CCR § 7026(k). Habeas never asks to opt in, and nothing takes a person off the suppression list."""
    sentence = "For the next 12 months the law does not allow us to ask you to change this choice."
    asked: dict[str, str] = {}
    for country, residence in (("US", {"country": "US", "subdivision": "CA"}), ("DE", {"country": "DE"})):
        person = Somebody(f"twelve.months.{country.lower()}@example.org", "Kim Beispiel", country)
        asked[country] = await pipeline.lodge(person.asks("opt_out_of_sale", residence=residence))
        await pipeline.closed(asked[country])
        letter = pipeline.letter(person, asked[country], "your data may no longer be sold or shared")
        assert letter
        assert (sentence in letter) is (country == "US")


async def test_page_of_the_opt_out_promises_and_claims_nothing_before_it_is_sent(pipeline: Pipeline) -> None:
    page = (await pipeline.http.get("/opt-out", headers={"Accept": "text/html"})).text
    assert "We will no longer sell your data" in page
    assert "We no longer sell" not in page


async def test_californian_is_not_asked_again_for_twelve_months(pipeline: Pipeline, heard: Heard) -> None:
    """Cal. Civ. Code § 1798.135(c)(4)."""
    person = Somebody("asked.again@example.org", "Kim Beispiel", "US")
    residence = {"country": "US", "subdivision": "CA"}
    case = await pipeline.lodge(person.asks("opt_out_of_sale", residence=residence))
    await pipeline.closed(case)
    (opted_out,) = await eventually(lambda: heard.of(case, "subject.opted_out"))
    again = opted_out["data"]["ask_again_from"]
    code, output, _ = await command(pipeline, "suppressions", "ask-again", person.email, "--json")
    assert (code, json.loads(output)) == (1, {"listed": True, "ask_again_from": again, "locked": True})
    day = date.fromisoformat(again)
    assert timedelta(days=364) < day - datetime.now(UTC).date() < timedelta(days=368)
    code, output, _ = await command(pipeline, "suppressions", "ask-again", "asked.never@example.org")
    assert (code, "not on the suppression list" in output) == (0, True)
