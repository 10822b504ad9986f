"""P14, P23: a request by form and one by mail are the same; a mail's subject makes it Californian."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.integration.test_mail_in import WITHIN, Writer, case_of, open_inbox
from tests.waiting import eventually

ASKED = "Please send me a copy of all personal data that you hold about me."


@pytest_asyncio.fixture(scope="module")
async def writer(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Writer]:
    folder: Path = tmp_path_factory.mktemp("mail")
    async with open_inbox(parts, folder) as writer:
        yield writer


async def test_form_and_mail_lead_to_the_same_answer(writer: Writer) -> None:
    by_form, by_mail = (await writer.pipeline.people())[:2]
    cases = [await writer.pipeline.lodge(by_form.asks("access"))]
    await writer.mail(by_mail, ASKED, subject="Subject access request")
    cases.append(case_of(await writer.letter(by_mail, "Your code to confirm your request")))
    for case, person in zip(cases, (by_form, by_mail), strict=True):
        await writer.pipeline.prove(case, await writer.pipeline.code_for(person, case))
        page = await writer.pipeline.closed(case)
        assert (page["right"], page["outcome"]) == ("access", page["outcome"])
        assert page["package_url"]


async def test_mail_with_the_subject_of_the_policy_is_californian(writer: Writer) -> None:
    person = (await writer.pipeline.people())[2]
    await writer.mail(person, ASKED, subject="california privacy rights")
    case = case_of(await writer.letter(person, "Your code to confirm your request"))
    [received] = await eventually(lambda: writer.heard.of(case, "request.received"), WITHIN)
    assert received["data"]["regulation"] == "ccpa"
