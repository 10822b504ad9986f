"""P26: content of a customer is not searched, and read only by a recorded permission that ends."""

import json

from shared.runtime.mongo import Document
from shared.vocabulary import StaffRole
from tests.integration.pipeline import PORTAL, Pipeline, Somebody, command
from tests.promises.people import People
from tests.waiting import eventually

CUSTOMER = Somebody("privacy.p26@shop.example.com", "Example Shop")


async def test_request_about_content_of_a_customer_is_forwarded_and_nothing_is_searched(
    pipeline: Pipeline,
    people: People,
) -> None:
    person = people[0]
    asked = person.asks("access", role="end_user")
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)

    async def registered() -> bool:
        return bool(await pipeline.rows("intake", case=case))

    known: bool = await eventually(registered)
    assert known
    shown = ("request", "show", case, "--read", "--reason", "forwarding", "--json", "--as", "anna")
    code, output, errors = await command(pipeline, *shown)
    assert code == 2
    assert "habeas permission grant" in errors
    assert person.email not in output

    async def row_of_refusal() -> list[Document]:  # the command may hear of it before its row is stored
        return await pipeline.rows("intake", case=case, **{"facts.type": "habeas.decision.refused.v1"})

    rows: list[Document] = await eventually(row_of_refusal)
    [refused] = rows
    assert [fact["data"]["reason"] for fact in refused["facts"]] == ["no_permission"]

    permitted = ("permission", "grant", case, "--to", "anna", "--hours", "2", "--reason", "forwarding")
    code, _, errors = await command(pipeline, *permitted, "--as", "bruno")
    assert code == 0, errors
    code, output, errors = await command(pipeline, "permission", "list", case, "--as", "bruno", "--json")
    [permission] = json.loads(output)
    assert (permission["account"], permission["by"], permission["reason"]) == ("anna", "bruno", "forwarding")
    code, output, errors = await command(pipeline, *shown)
    assert code == 0, errors
    assert json.loads(output)["submission"]["subject"]["email"] == person.email
    [row] = await pipeline.rows("intake", case=case, **{"event.type": "habeas.content.opened.v1"})
    read = row["event"]["data"]
    assert (read["by"], read["item"], read["reason"]) == ("anna", "everything", "forwarding")
    assert row["at"] is not None

    forward = ("request", "forward", case, "--name", CUSTOMER.name, "--email", CUSTOMER.email, "--as", "anna")
    code, _, errors = await command(pipeline, *forward)
    assert code == 0, errors
    await pipeline.closed(case)
    assert await eventually(lambda: pipeline.letters_to(CUSTOMER))
    assert await pipeline.rows("fulfillment", case=case) == []


async def test_reading_without_an_account_of_the_role_is_refused(pipeline: Pipeline, people: People) -> None:
    person = people[1]
    case = await pipeline.lodge(person.asks("access"))
    await pipeline.accounts.present("olga", roles=(StaffRole.VIEWER,))
    code, output, errors = await command(pipeline, "request", "show", case, "--read", "--as", "olga")
    assert code == 2
    assert "roles do not allow this" in errors
    assert person.email not in output
    assert await pipeline.rows("intake", case=case, **{"event.type": "habeas.content.opened.v1"}) == []
