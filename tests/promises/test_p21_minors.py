"""P21: the data of a minor under 16 is not sold."""

import json
from datetime import UTC, datetime
from pathlib import Path

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import PORTAL, Pipeline, comes_true, command
from tests.promises.people import People

CALIFORNIA = {"country": "US", "subdivision": "CA"}


async def test_any_request_of_a_minor_stops_the_sale_of_their_data(
    pipeline: Pipeline, people: People
) -> None:
    person = people[0]
    asked = person.asks("access", residence=CALIFORNIA, child=True)
    await pipeline.send(asked, source=PORTAL)
    await pipeline.id_of(asked)

    async def stopped() -> bool:
        return await pipeline.stopped(person, SuppressionPurpose.SALE)

    await comes_true(stopped)


async def test_data_of_a_minor_is_sold_only_after_an_opt_in_with_proof(
    pipeline: Pipeline, people: People, tmp_path: Path
) -> None:
    """Cal. Civ. Code § 1798.120(c)-(d)."""
    person, today = people[1], datetime.now(UTC).date()
    asked = person.asks("access", residence=CALIFORNIA, child=True)
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)

    async def stopped() -> bool:
        return await pipeline.stopped(person, SuppressionPurpose.SALE)

    await comes_true(stopped)
    assert case
    born = ("--born", f"{today.year - 11}-06-15")
    lines = tmp_path / "to-sell.txt"
    lines.write_text(f"{person.email}\n")

    async def may_sell() -> tuple[bool, str | None]:
        _, output, _ = await command(pipeline, "suppressions", "may-sell", person.email, *born, "--json")
        answer = json.loads(output)
        _, kept, _ = await command(pipeline, "suppressions", "filter", str(lines), "--purpose", "sale")
        assert (person.email in kept) is answer["allowed"], "the filter of a sale agrees"
        return answer["allowed"], answer["reason"]

    assert await may_sell() == (False, "minor_without_opt_in")
    opt_in = ("suppressions", "opt-in", person.email, *born)
    code, _, error = await command(pipeline, *opt_in, "--by", "self", "--proof", "two_step")
    assert (code != 0, "the parent opts in" in error) == (True, True)
    assert (await command(pipeline, *opt_in, "--by", "parent", "--proof", "signed_form"))[0] == 0
    assert await may_sell() == (True, None)
    assert (await command(pipeline, "suppressions", "opt-in-withdrawn", person.email))[0] == 0
    assert (await may_sell())[0] is False
    code, output, _ = await command(pipeline, "suppressions", "ask-again", person.email, "--json")
    assert (code, json.loads(output)["locked"]) == (1, True)
