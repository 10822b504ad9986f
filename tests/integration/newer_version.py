"""
The command ``habeas`` of a release with the next contract.

Registered requests and answers have a field that the present version does not know.
"""

from collections.abc import Callable
from typing import Any

import orjson

from habeas.cli import main
from shared.contract import contract_version
from shared.contract.events import Fact, RequestFulfilled, RequestReceived
from shared.runtime import journal, service


def _stored(stored: Callable[[Fact, str], dict[str, Any]]) -> Callable[[Fact, str], dict[str, Any]]:
    def of_next_release(fact: Fact, case: str) -> dict[str, Any]:
        document = stored(fact, case)
        if isinstance(fact, RequestReceived):
            document["data"]["delayed_until"] = "2026-04-01"
        return document

    return of_next_release


def _encoded(encode: Callable[..., bytes]) -> Callable[..., bytes]:
    def of_next_release(fact: Fact, **attributes: Any) -> bytes:
        body = orjson.loads(encode(fact, **attributes))
        if isinstance(fact, RequestFulfilled):
            body["data"]["delayed_until"] = "2026-04-01"
        return orjson.dumps(body)

    return of_next_release


if __name__ == "__main__":
    contract_version.CONTRACT_NUMBER += 1  # type: ignore[misc]  # this is the next release
    journal._stored = _stored(journal._stored)  # type: ignore[assignment]
    service.encode = _encoded(service.encode)  # type: ignore[attr-defined]  # the name that the runtime uses
    main()
