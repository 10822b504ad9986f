"""P14: a request by form and one by mail have the same answer."""

from tests.integration.test_mail_in import Writer, case_of

ASKED = "Please send me a copy of all personal data that you hold about me."


async def test_form_and_mail_lead_to_the_same_answer(writer: Writer) -> None:
    by_form, by_mail = (await writer.pipeline.people())[:2]
    cases = [await writer.pipeline.lodge(by_form.asks("access"))]
    await writer.mail(by_mail, ASKED, subject="Subject access request")
    cases.append(case_of(await writer.letter(by_mail, "Your code to confirm your request")))
    for case, person in zip(cases, (by_form, by_mail), strict=True):
        await writer.pipeline.prove(case, await writer.pipeline.code_for(person, case))
        page = await writer.pipeline.closed(case)
        assert page["right"] == "access"
        assert page["outcome"] in {"granted", "partly_granted"}
        assert page["package_url"]
