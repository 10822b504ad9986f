"""P23: a mail with the subject "california privacy rights" is a Californian request."""

from tests.integration.test_mail_in import WITHIN, Writer, case_of
from tests.waiting import eventually

ASKED = "Please send me a copy of all personal data that you hold about me."


async def test_mail_with_the_subject_of_the_policy_is_californian(writer: Writer) -> None:
    person = (await writer.pipeline.people())[2]
    await writer.mail(person, ASKED, subject="california privacy rights")
    case = case_of(await writer.letter(person, "Your code to confirm your request"))
    [received] = await eventually(lambda: writer.heard.of(case, "request.received"), WITHIN)
    assert received["data"]["regulation"] == "ccpa"
