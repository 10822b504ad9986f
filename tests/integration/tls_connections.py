"""A process that opens a connection of each kind over TLS, and prints what became of each."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from opentelemetry.sdk.trace.export import SpanExportResult

from services.notifier.smtp.mail_channel import SmtpChannel
from shared.errors import HabeasError
from shared.runtime import tls
from shared.runtime.broker import connect as connect_to_broker
from shared.runtime.mongo import connect, ping
from shared.runtime.spans import exporter_to
from shared.runtime.staff_api import StaffApi


async def _broker(url: str) -> None:
    await (await connect_to_broker(url, "test")).close()


async def _database(url: str) -> None:
    client = connect(url, app_name="test")
    try:
        await ping(client)
    finally:
        client.close()


async def _mail(url: str) -> None:
    channel = SmtpChannel(url)
    try:
        (await channel.open()).close()
    finally:
        await channel.close()


async def _http(url: str) -> None:
    async with StaffApi.opened(url) as api:
        await api.salt("anna")


async def _traces(url: str) -> None:
    try:
        sent = await asyncio.to_thread(exporter_to(url).export, [])
    except OSError as error:
        raise HabeasError(type(error).__name__) from error
    if sent is not SpanExportResult.SUCCESS:
        raise HabeasError(sent.name)


KINDS: Mapping[str, Callable[[str], Awaitable[None]]] = {
    "broker": _broker,
    "database": _database,
    "mail": _mail,
    "http": _http,
    "traces": _traces,
}


async def _state(kind: str, url: str) -> str:
    try:
        await KINDS[kind](url)
    except HabeasError as error:
        return str(error)
    return "ok"


async def connections(urls: Mapping[str, str]) -> dict[str, str]:
    """Return for each kind of *urls* ``ok``, or the error."""
    states = await asyncio.gather(*(_state(kind, url) for kind, url in urls.items()))
    return dict(zip(urls, states, strict=True))


if __name__ == "__main__":
    if file := os.environ.get(tls.VARIABLE):
        tls.trust(Path(file))
    sys.stdout.write(json.dumps(asyncio.run(connections(json.loads(sys.argv[1])))))
