"""The broker's management API: imports definitions, and lists the bindings that AMQP does not tell of."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import httpx

from shared.errors import BrokerUnavailable, ConfigurationError
from shared.runtime.tls import cause_of

ANSWER_WITHIN_S = 30.0


async def import_definitions(management_url: str, defined: Mapping[str, object]) -> None:
    """
    Make the users and permissions of *defined*, as RabbitMQ documents them.

    Raises:
        BrokerUnavailable: The management plugin does not answer.
        ConfigurationError: It refuses the user of *management_url*.
    """
    answer = await _asked(management_url, "POST", "/api/definitions", dict(defined))
    _require(answer, "the broker refused the accounts")


async def bound_keys(management_url: str, vhost: str, exchange: str, queue: str) -> frozenset[str]:
    """Return the routing keys that bind *queue* to *exchange*; raises as :func:`import_definitions`."""
    place = "/".join(quote(one, safe="") for one in (vhost, "e", exchange, "q", queue))
    answer = await _asked(management_url, "GET", f"/api/bindings/{place}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return frozenset()
    _require(answer, "the broker did not list its bindings")
    return frozenset(cast("str", one["routing_key"]) for one in answer.json())


async def _asked(management_url: str, method: str, path: str, body: Any = None) -> httpx.Response:
    try:
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S) as http:
            return await http.request(method, f"{management_url.rstrip('/')}{path}", json=body)
    except httpx.HTTPError as error:
        what = "the management plugin of the broker does not answer"
        raise BrokerUnavailable(f"{what} ({cause_of(error)})") from None


def _require(answer: httpx.Response, refused: str) -> None:
    if answer.is_error:
        what = f"{refused} (HTTP {answer.status_code})"
        raise ConfigurationError(f"HABEAS_MANAGEMENT_URL: {what}; the user must be an administrator")
