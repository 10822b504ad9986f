"""P9: a person may object to direct marketing at any time."""

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import Heard, Pipeline
from tests.promises.people import People, subscribed


async def test_objection_to_marketing_takes_effect_without_proof_or_confirmation(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = await people.subscriber(0)
    case = await pipeline.lodge(person.asks("objection", details={"scope": ["direct_marketing"]}))
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert await subscribed(pipeline, person) is False
    assert await pipeline.stopped(person, SuppressionPurpose.MARKETING)
    assert not heard.of(case, "proof.wanted")
    assert not [one for one in heard.of(case, "notice.sent") if one["data"]["letter"] == "code"]
