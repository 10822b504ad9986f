"""P16: more proof than the mailbox is asked for only where the risk demands it."""

from tests.integration.pipeline import Heard, Pipeline
from tests.promises.people import People
from tests.waiting import eventually


async def test_trusted_log_in_needs_no_further_proof(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    case = await pipeline.answered("access", person)
    assert not heard.of(case, "request.paused")

    def letters() -> list[str]:
        return [one["data"]["letter"] for one in heard.of(case, "notice.sent")]

    await eventually(lambda: letters() == ["acknowledgement", "outcome"])


async def test_mailbox_needs_a_code_and_no_document(pipeline: Pipeline, people: People, heard: Heard) -> None:
    person = people[1]
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    [challenged] = await eventually(lambda: heard.of(case, "identity.challenged"))
    assert "mailbox" in str(challenged["data"]["wanted"])
    assert "document" not in str(challenged["data"]["wanted"]), "no papers may be sent either"
    assert not heard.of(case, "request.paused")
    assert not pipeline.letter(person, case, "passport")
