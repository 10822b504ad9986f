"""P21: the data of a minor under 16 is not sold."""

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import PORTAL, Pipeline, comes_true
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
