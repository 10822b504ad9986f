"""Erasures as the service does them: with a second person's approval, and with a store that refuses."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.stack import Stack
from tests.integration.forked_processes import said
from tests.integration.pipeline import Pipeline, Somebody, comes_true, command, running
from tests.waiting import eventually

ADA_ASKS, BRUNO_ASKS = Somebody(ADA.email, ADA.name), Somebody(BRUNO.email, BRUNO.name)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    async with running(parts, folder, HABEAS_ERASURE_APPROVAL="always") as pipeline:
        yield pipeline


async def planned(pipeline: Pipeline, person: Somebody) -> str:
    """Take an erasure for *person* as far as its plan; return the request's id."""
    case = await pipeline.verified("erasure", person)

    async def there() -> bool:
        rows = await pipeline.rows("fulfillment", case=case)
        return any(row["event"]["type"] == "habeas.erasure.planned.v1" for row in rows if row["event"])

    await comes_true(there)
    return case


async def outcome(pipeline: Pipeline, case: str, number: int = 1) -> dict[str, Any]:
    """Return the *number*-th answer to the request *case*."""

    async def told() -> dict[str, Any]:
        rows = await pipeline.rows("fulfillment", case=case)
        facts = [fact for row in rows for fact in row["facts"]]
        answers = [fact["data"] for fact in facts if fact["type"] == "habeas.request.fulfilled.v1"]
        return answers[number - 1] if len(answers) >= number else {}

    return await eventually(told)


async def test_an_erasure_waits_for_a_second_person_and_a_withdrawal_still_stops_it(
    pipeline: Pipeline,
) -> None:
    before = await pipeline.mentions(BRUNO.email)
    case = await planned(pipeline, BRUNO_ASKS)
    code, output, errors = await command(
        pipeline, "erasures", "plan", case, "--json", "--as", "second.person"
    )
    assert code == 0, errors
    assert sum(group["records"] for group in json.loads(output)["erased"]) >= 1
    assert await pipeline.mentions(BRUNO.email) == before

    (await pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    await pipeline.closed(case)
    code, _, errors = await command(pipeline, "request", "approve-erasure", case, "--as", "second.person")
    assert (code, "no erasure of the request waits" in errors) == (2, True)
    assert await pipeline.mentions(BRUNO.email) == before


async def test_refused_records_are_reported_and_erased_when_the_cause_is_gone(pipeline: Pipeline) -> None:
    await pipeline.business("ops", "servers").update_many({}, {"$set": {"status": "ended"}})
    accounts = pipeline.business("portal", "accounts")
    account = await accounts.find_one({"members.email": ADA.email})
    rule = {"$or": [{"_id": {"$ne": account["_id"]}}, {"members.email": ADA.email}]}
    await accounts.database.command("collMod", "accounts", validator=rule)
    # Her contracts have ended.
    await pipeline.business("ops", "servers").update_many({}, {"$set": {"status": "ended"}})
    case = await planned(pipeline, ADA_ASKS)
    await command(pipeline, "request", "approve-erasure", case, "--as", "second.person")

    first = await outcome(pipeline, case)
    await pipeline.closed(case)
    assert first["outcome"] == "partly_granted"
    assert first["reasons"]["store_rules"] == first["dispositions"]["left"] == 1
    assert "portal.contacts" not in await pipeline.mentions(ADA.email)
    assert "portal.accounts" in await pipeline.mentions(ADA.email)
    [*_, letter] = pipeline.letters_to(ADA_ASKS, case)
    assert "The rules of one of our databases refused the change. We will try again" in letter.body()

    await accounts.database.command("collMod", "accounts", validator={})
    kept = pipeline.client[f"{pipeline.prefix}_fulfillment"]["kept"]
    await kept.update_many({"erasure": case, "refused": True}, {"$set": {"until": "2020-01-01"}})
    code, output, errors = await command(pipeline, "erasures", "purge", "--json")
    assert (code, errors) == (0, "")
    assert [(item["erasure"], item["retried"]) for item in json.loads(output)] == [(case, True)]
    second = await outcome(pipeline, case, 2)
    assert "left" not in second["dispositions"]
    assert "store_rules" not in second["reasons"]
    assert await pipeline.mentions(ADA.email, besides=["billing.invoices"]) == {}
    assert second["certificate"] != first["certificate"]
    assert await kept.count_documents({"refused": True}) == 0
    assert (await pipeline.parked())["fulfillment"] == []


async def test_records_under_a_hold_that_comes_after_the_plan_are_kept_until_it_is_lifted(
    pipeline: Pipeline,
) -> None:
    [person, *_] = [p for p in reversed(await pipeline.people()) if p.email not in (ADA.email, BRUNO.email)]
    before, case = await pipeline.mentions(person.email), await planned(pipeline, person)
    other = await pipeline.lodge(BRUNO_ASKS.asks("access"))
    staff = ("--as", "third.person")
    code, printed, errors = await command(
        pipeline, "hold", "place", case, "--matter", "claim_7", *staff, "--json"
    )
    assert code == 0, errors
    hold = json.loads(printed)["hold"]
    await command(pipeline, "request", "approve-erasure", case, "--as", "second.person")

    first = await outcome(pipeline, case)
    await pipeline.closed(case)
    held = first["reasons"]["legal_hold"]
    assert first["outcome"] == "refused"
    assert first["dispositions"]["retained"] >= held > 0
    assert await pipeline.mentions(person.email) == before
    [*_, letter] = pipeline.letters_to(person, case)
    assert "evidence in legal proceedings" in letter.body()
    assert "Art. 17(3)(e)" in letter.body()
    certificate = await certificate_of(pipeline, case)
    reasons = [why["reason"] for one in certificate["collections"] for why in one["retained"]]
    assert "legal_hold" in reasons
    assert certificate["verification"]["result"] == "nothing_left"
    row: dict[str, Any] = await eventually(lambda: listed_hold(pipeline, hold, case))
    assert (row["state"], row["kept_from"], row["matter"]) == ("standing", [case], "claim_7")

    await make_due(pipeline, case)
    assert json.loads((await command(pipeline, "erasures", "purge", "--json"))[1])
    assert await pipeline.mentions(person.email) == before
    code, _, errors = await command(pipeline, "hold", "lift", hold, other, *staff)
    assert (code, "no such hold" in errors) == (2, True)
    code, printed, errors = await command(pipeline, "hold", "lift", hold, case, *staff, "--json")
    assert (code, json.loads(printed or "{}").get("results")) == (0, ["habeas.hold.ended.v1"]), errors
    assert json.loads((await command(pipeline, "erasures", "purge", "--json"))[1])
    after = await pipeline.mentions(person.email)
    assert "portal.contacts" in before.keys() - after.keys()
    assert (await pipeline.parked())["fulfillment"] == []


async def listed_hold(pipeline: Pipeline, hold: str, case: str) -> dict[str, Any]:
    """Return *hold* as the command lists it, once it names *case*."""
    _, printed, _ = await command(pipeline, "hold", "list", hold, "--as", "third.person", "--json")
    [row] = json.loads(printed)
    return dict(row) if case in row["kept_from"] else {}


async def certificate_of(pipeline: Pipeline, case: str) -> dict[str, Any]:
    """Return the content of the certificate of the request *case*."""
    folder = pipeline.folder / case
    code, _, errors = await command(
        pipeline, "certificate", "fetch", case, "--out", str(folder), "--as", "second.person"
    )
    assert code == 0, errors
    content = json.loads((folder / f"certificate-{case}.json").read_bytes())["certificate"]
    return dict(content)


async def make_due(pipeline: Pipeline, case: str) -> None:
    """Let a day pass for the records that the erasure *case* has left for an uncertain time."""
    kept = pipeline.client[f"{pipeline.prefix}_fulfillment"]["kept"]
    await kept.update_many({"erasure": case, "reason": "legal_hold"}, {"$set": {"until": "2020-01-01"}})


async def test_the_certificate_of_a_request_is_taken_out_and_checked_without_the_installation(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    [person] = [
        someone for someone in await pipeline.people() if someone.email not in (ADA.email, BRUNO.email)
    ][:1]
    case = await planned(pipeline, person)
    await command(pipeline, "request", "approve-erasure", case, "--as", "second.person")
    await pipeline.closed(case)
    fetch = ("certificate", "fetch", case, "--as", "second.person")
    code, _, errors = await command(pipeline, *fetch, "--out", str(tmp_path))
    assert (code, errors) == (0, "")
    file = tmp_path / f"certificate-{case}.json"
    assert "<h1>Certificate of erasure</h1>" in file.with_suffix(".html").read_text()
    asked = json.loads(file.read_bytes())["certificate"]["asked"]
    where = ("--out", str(tmp_path / "de"), "--language", "de")
    assert (await command(pipeline, *fetch, *where))[0] == 0
    german = tmp_path / "de" / file.name
    assert german.read_bytes() == file.read_bytes(), "the page is translated, the signed file is not"
    html = german.with_suffix(".html").read_text(encoding="utf-8")
    assert "Ihr Profil im Kundenportal" in html
    assert "Hosting-Anbieter des Portals" in html
    assert "The person as" not in html
    assert (asked["right"], asked["approved_by"], asked["by"]) == ("erasure", "second.person", ["email"])

    code, printed, errors = await command(pipeline, "keys", "show")
    assert (code, errors) == (0, "")
    key = printed.split()[1]
    offline = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for name, wanted in ((file.read_bytes(), 0), (file.read_bytes().replace(b"erasure", b"erosion", 1), 1)):
        file.write_bytes(name)
        words = ("certificate", "verify", str(file), "--issuer", key)
        code, output, _ = await said("habeas", words, offline)
        assert code == wanted
        assert (f"unchanged since it was signed by key {key}" in output) is (wanted == 0)


async def test_retry_that_erases_nothing_more_is_not_reported(pipeline: Pipeline) -> None:
    known = {ADA.email, BRUNO.email}
    person = [somebody for somebody in await pipeline.people() if somebody.email not in known][1]
    accounts = pipeline.business("portal", "accounts")
    account = await accounts.find_one({"members.email": person.email})
    rule = {"$or": [{"_id": {"$ne": account["_id"]}}, {"members.email": person.email}]}
    await accounts.database.command("collMod", "accounts", validator=rule)
    case = await planned(pipeline, person)
    await command(pipeline, "request", "approve-erasure", case, "--as", "second.person")
    await outcome(pipeline, case)
    await pipeline.closed(case)
    letters = len(pipeline.letters_to(person, case))

    await command(pipeline, "erasures", "retry", case)

    async def tried() -> bool:
        rows = await pipeline.rows("fulfillment", case=case)
        events = [row["event"]["type"] for row in rows if row["event"]]
        return events.count("habeas.erasure.planned.v1") > 3 and not rows[-1]["facts"]

    await comes_true(tried)
    assert len(pipeline.letters_to(person, case)) == letters
    await accounts.database.command("collMod", "accounts", validator={})


async def test_an_array_that_moves_between_plan_and_erasure_loses_the_right_elements(
    pipeline: Pipeline,
) -> None:
    arrays = {"accounts": "members", "tickets": "messages"}
    before = {where: await elements(pipeline, *where) for where in arrays.items()}
    case = await planned(pipeline, BRUNO_ASKS)
    portal = pipeline.client[f"{pipeline.prefix}portal"]
    for name, array in arrays.items():
        reverse = {"$set": {array: {"$reverseArray": f"${array}"}}}
        await portal[name].update_many({array: {"$type": "object"}}, [reverse])

    await command(pipeline, "request", "approve-erasure", case, "--as", "second.person")
    await outcome(pipeline, case)
    for where, elements_before in before.items():
        theirs = [one for one in elements_before if BRUNO.email not in one.lower()]
        assert len(theirs) < len(elements_before)
        assert await elements(pipeline, *where) == theirs


async def elements(pipeline: Pipeline, name: str, array: str) -> list[str]:
    """Return every element of *array* in the collection *name* of the portal, as text, sorted."""
    documents = pipeline.business("portal", name).find()
    return sorted([str(one) async for document in documents for one in document[array]])
