"""P31: an unsubscribe link removes a person from the mailing list, and the address does not come back."""

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import KEYS, SHOP, Pipeline, comes_true
from tests.promises.people import People, subscribed


async def test_one_click_removes_the_address_from_the_list_and_suppresses_it(
    pipeline: Pipeline, people: People
) -> None:
    person = await people.subscriber(0)
    bearer = {"Authorization": f"Bearer {KEYS[SHOP]}"}
    wanted = {"email": person.email, "list": "Newsletter"}
    made = await pipeline.http.post("/v1/unsubscribe-links", json=wanted, headers=bearer)
    url = made.raise_for_status().json()["url"]
    clicked = await pipeline.http.post(url, data={"List-Unsubscribe": "One-Click"})
    assert clicked.status_code == 200

    async def removed() -> bool:
        return not await subscribed(pipeline, person)

    async def suppressed() -> bool:
        return await pipeline.stopped(person, SuppressionPurpose.MARKETING)

    await comes_true(removed)
    await comes_true(suppressed)
