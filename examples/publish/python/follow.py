"""
Submits requests to Habeas and follows them to their answer: ``python follow.py EMAIL``.

By HTTP with a key, and by AMQP with an account that may read events; asynchronous and not.
"""

import asyncio
import os
import sys
from datetime import date
from uuid import uuid4

from habeas_client import (
    AmqpClient,
    AsyncAmqpClient,
    AsyncHttpClient,
    HttpClient,
    RequestClosed,
    RequestFields,
)

SOURCE = "shop.example"


def opt_out(email: str) -> RequestFields:
    """Return a request of a Californian; it needs no proof of identity."""
    return {
        "reference": uuid4().hex,
        "right": "opt_out_of_sale",
        "subject": {"email": email, "date_of_birth": date(1990, 2, 1)},
        "residence": {"country": "US", "subdivision": "CA"},
    }


async def follow_by_http(url: str, key: str, email: str) -> None:
    """Submit by HTTP; ask for the state until the request is closed."""
    async with AsyncHttpClient(url, key=key) as client:
        request_id = await client.submit(opt_out(email))
        page = await client.follow(request_id, within=60)
        print(f"http {request_id} {page.status} {page.outcome}")


async def follow_by_amqp(url: str, email: str) -> None:
    """Submit by AMQP; wait for the events of the request."""
    async with AsyncAmqpClient(url, source=SOURCE) as client:
        request_id = await client.submit(opt_out(email))
        closed = await client.follow(request_id, within=60)
        if isinstance(closed.data, RequestClosed):
            print(f"amqp {request_id} closed {closed.data.outcome}")


def follow_without_asyncio(url: str, key: str, amqp_url: str, email: str) -> None:
    """Do the same in a synchronous program, and read the closed requests from a queue of one's own."""
    with HttpClient(url, key=key) as http:
        request_id = http.submit(opt_out(email))
        print(f"http {request_id} {http.follow(request_id, within=60).status}")
    with AmqpClient(amqp_url, source=SOURCE) as amqp:
        request_id = amqp.submit(opt_out(email))
        for event in amqp.events("closed", RequestClosed):
            print(f"event {event.request_id} {event.type}")
            if event.request_id == request_id:
                break


if __name__ == "__main__":
    http_url, http_key = os.environ["HABEAS_URL"], os.environ["HABEAS_API_KEY"]
    broker = os.environ["HABEAS_AMQP_URL"]
    asyncio.run(follow_by_http(http_url, http_key, sys.argv[1]))
    asyncio.run(follow_by_amqp(broker, sys.argv[1]))
    follow_without_asyncio(http_url, http_key, broker, sys.argv[1])
