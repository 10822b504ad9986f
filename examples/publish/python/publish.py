"""
Submits a request to Habeas, then takes it back: ``python publish.py REFERENCE EMAIL [--withdraw]``.

After an error it may be run again: the same source and reference are the same request.
"""

import asyncio
import os
import sys

from habeas_client import Publisher


async def publish(url: str, reference: str, email: str, *, withdraw: bool) -> None:
    """Publish what a shop would."""
    async with Publisher(url, source="shop.example") as publisher:
        event = await publisher.publish_request(
            {
                "reference": reference,
                "right": "access",
                "subject": {"email": email},
                "residence": {"country": "DE"},
            }
        )
        print(f"published {event}")
        if withdraw:
            print(f"published {await publisher.withdraw({'reference': reference})}")


if __name__ == "__main__":
    _, reference, email, *options = sys.argv
    asyncio.run(publish(os.environ["HABEAS_AMQP_URL"], reference, email, withdraw="--withdraw" in options))
