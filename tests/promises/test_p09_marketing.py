"""P9: a person may object to direct marketing at any time."""

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import Heard, Pipeline, Somebody


async def test_objection_to_marketing_takes_effect_without_proof_or_confirmation(
    pipeline: Pipeline, heard: Heard
) -> None:
    newsletter = pipeline.business("portal", "newsletter")
    found = await newsletter.find_one({"subscribed": True}, skip=11)
    person = Somebody(found["email"], "Sascha Beispiel")
    case = await pipeline.lodge(person.asks("objection", details={"scope": ["direct_marketing"]}))
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert (await newsletter.find_one({"_id": found["_id"]}))["subscribed"] is False
    assert await pipeline.stopped(person, SuppressionPurpose.MARKETING)
    assert not heard.of(case, "proof.wanted")
    assert not [one for one in heard.of(case, "notice.sent") if one["data"]["letter"] == "code"]
