"""
Submits a request to Habeas, then takes it back: ``python publish.py REFERENCE EMAIL [--withdraw]``.

After an error it may be run again: the same source and reference are the same request.
"""

import asyncio
import os
import sys

from habeas.client import Publisher, RequestSubmitted, Residence, Right, Subject, WithdrawalSubmitted


async def publish(url: str, reference: str, email: str, *, withdraw: bool) -> None:
    """Publish what a shop would."""
    request = RequestSubmitted(
        reference=reference,
        right=Right.ACCESS,
        subject=Subject(email=email),
        residence=Residence(country="DE"),
    )
    async with Publisher(url, source="shop.example") as publisher:
        print(f"published {await publisher.submit(request)}")
        if withdraw:
            print(f"published {await publisher.withdraw(WithdrawalSubmitted(reference=reference))}")


if __name__ == "__main__":
    _, reference, email, *options = sys.argv
    asyncio.run(publish(os.environ["HABEAS_AMQP_URL"], reference, email, withdraw="--withdraw" in options))
