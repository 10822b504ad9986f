"""
A publisher of requests to Habeas, for shops, portals and support desks.

::

    from habeas.client import Publisher, RequestSubmitted, Subject

    async with Publisher("amqp://shop:secret@broker.example.com/habeas", source="shop.example") as publisher:
        await publisher.submit(
            RequestSubmitted(
                reference="ticket-4711",
                right="access",
                subject=Subject(name="Ada Example", email="ada@example.org"),
            )
        )

What counts:

* *source* names your system. Intake accepts it from the broker users that it is bound to
  (``HABEAS_SOURCES``), or from the user of the same name; the client sends the user of the URL.
* With ``reference``, your own id of the request, it identifies the request: the same pair is
  the same request, so repeating after a crash does no harm.
* An invalid request raises pydantic's ``ValidationError`` when it is made, without any value.
* When ``submit`` returns, the broker has the event on disk, and a queue of Habeas holds it. Unconfirmed
  events are sent again, a few times, with the same id; then an error names the remedy.
* A proof has no reference of its own. Give it an *id* that you keep, and it can be sent again as well: the
  same source and id are one event.

Your user on the broker needs to write to the exchange ``habeas.requests``, and nothing else. The module reads
no settings and connects to nothing before ``async with``. Results are published to ``habeas.events``;
bind a queue of your own (docs/how-to/connect.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import uuid4

import orjson

from shared.contract.envelope import MAX_BODY, MAX_ID, STRUCTURED
from shared.contract.events import (
    Agent,
    AppealSubmitted,
    Controller,
    Correction,
    Details,
    Event,
    PostalAddress,
    ProofSubmitted,
    RequestSubmitted,
    Residence,
    Subject,
    Submission,
    WithdrawalSubmitted,
)
from shared.errors import BrokerUnavailable, ConfigurationError, TopologyMissing, Unroutable
from shared.law import Right
from shared.runtime.broker import Bus, Message

__all__ = [
    "Agent",
    "AppealSubmitted",
    "BrokerUnavailable",
    "ConfigurationError",
    "Controller",
    "Correction",
    "Details",
    "PostalAddress",
    "ProofSubmitted",
    "Publisher",
    "RequestSubmitted",
    "Residence",
    "Right",
    "Subject",
    "Unroutable",
    "WithdrawalSubmitted",
    "message_of",
    "submit_all",
]

TRIES = 5
PAUSE_S = 0.2
"""Delay before the second try; it doubles before each further one."""

REMEDY = (
    "see that the broker runs and that URL, user and password are right, then send it again with the same id"
)


def message_of(
    event: Submission,
    *,
    source: str,
    id: str | None = None,  # noqa: A002  CloudEvents' own name
    time: datetime | None = None,
    binary: bool = False,
) -> Message:
    """
    Return *event* as a message for ``habeas.requests``: a CloudEvent in structured mode.

    Args:
        event: The submission.
        source: Your system.
        id: Unique id among the events of *source*; random by default.
        time: When it happened; now by default. It dates a request without ``received_at``.
        binary: Whether the attributes go as headers (CloudEvents AMQP binding, section 3.1).

    Raises:
        ConfigurationError: *source* or *id* is too long, or the event larger than Habeas takes.
    """
    attributes = {
        "specversion": "1.0",
        "id": _named("id", id or uuid4().hex),
        "source": _named("source", source),
        "type": event.TYPE,
        "time": (time or datetime.now(UTC)).isoformat(),
    }
    data = event.model_dump(mode="json", exclude_none=True)
    if binary:
        headers = {f"cloudEvents:{name}": value for name, value in attributes.items()}
        return _sized(event, orjson.dumps(data), attributes["id"], "application/json", headers)
    structured = attributes | {"datacontenttype": "application/json", "data": data}
    return _sized(event, orjson.dumps(structured), attributes["id"], STRUCTURED, {})


def _sized(event: Event, body: bytes, id_: str, content_type: str, headers: dict[str, str]) -> Message:
    if len(body) > MAX_BODY:
        raise ConfigurationError(
            f"the event has {len(body)} bytes, more than the {MAX_BODY} that Habeas takes by AMQP: "
            "submit documents by POST /v1/requests/{id}/proofs"
        )
    return Message(event.EXCHANGE, event.TYPE, body, id_, content_type, headers)


def _named(name: str, value: str) -> str:
    if not 0 < len(value) <= MAX_ID:
        raise ConfigurationError(f"{name}: must have 1 to {MAX_ID} characters")
    return value


class Publisher:
    """A system that submits requests, connected between the two ends of ``async with``."""

    def __init__(self, amqp_url: str, *, source: str, binary: bool = False, tries: int = TRIES) -> None:
        """
        Remember where the broker is; nothing is connected yet.

        Args:
            amqp_url: Where it is, with user, password and virtual host.
            source: Your system, as Habeas knows it; it is bound to the user in *amqp_url*.
            binary: Whether CloudEvents go in binary mode; structured is the default.
            tries: How often an event is published until it is confirmed.

        Raises:
            ConfigurationError: *amqp_url* is no broker's, or *source* is empty or too long.
        """
        if not amqp_url.startswith(("amqp://", "amqps://")):
            raise ConfigurationError("amqp_url: must begin with amqp:// or amqps://")
        self._source = _named("source", source)
        self._binary = binary
        self._tries = tries
        self._bus = Bus(amqp_url, name=f"habeas client {source}")

    async def __aenter__(self) -> Self:
        """
        Connect.

        Raises:
            BrokerUnavailable: The broker does not answer, or not to these credentials.
            ConfigurationError: The URL is none, or Habeas was never started on this broker.
        """
        try:
            await self._insist(self._bus.ping)
        except BaseException:
            await self._bus.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._bus.close()

    async def submit(
        self,
        request: RequestSubmitted,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """
        Submit a request; return the id of the event.

        Args:
            request: The person's request.
            id: The event's id; random by default.
            time: When the request reached you, unless ``received_at`` is set; now by default.

        Raises:
            BrokerUnavailable: It was not confirmed, as often as it was tried.
            ConfigurationError: The event is too large, or *id* too long.
            Unroutable: Habeas has no queue for it.
        """
        return await self._send(request, id, time)

    async def prove(
        self,
        proofs: ProofSubmitted,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Submit proofs of identity for an earlier request; otherwise as :meth:`submit`."""
        return await self._send(proofs, id, time)

    async def withdraw(
        self,
        withdrawal: WithdrawalSubmitted,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Submit a withdrawal of a request; otherwise as :meth:`submit`."""
        return await self._send(withdrawal, id, time)

    async def appeal(
        self,
        appeal: AppealSubmitted,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Submit an appeal against an answer; otherwise as :meth:`submit`."""
        return await self._send(appeal, id, time)

    async def publish(self, messages: Sequence[Message]) -> None:
        """
        Publish many events at once, made by :func:`message_of`; return when all are confirmed.

        After an error the same messages may be published again: they have the same ids.

        Raises:
            BrokerUnavailable: They were not all confirmed, as often as it was tried.
            Unroutable: Habeas has no queue for one.
        """
        await self._insist(lambda: self._bus.publish(messages))

    async def _send(self, event: Submission, id_: str | None, time: datetime | None) -> str:
        message = message_of(event, source=self._source, id=id_, time=time, binary=self._binary)
        await self.publish([message])
        return message.message_id

    async def _insist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat *step* until the broker has confirmed it, or it was tried often enough."""
        for tried in range(self._tries):
            try:
                await step()
            except TopologyMissing as error:
                raise ConfigurationError(str(error)) from None
            except BrokerUnavailable as error:
                if tried + 1 >= self._tries:
                    raise BrokerUnavailable(f"{error}; {REMEDY}") from None
                await asyncio.sleep(PAUSE_S * 2**tried)
            except Unroutable as error:
                raise Unroutable(f"{error}: run `habeas topology` on this broker") from None
            else:
                return


def submit_all(amqp_url: str, *events: Submission, source: str) -> list[str]:
    """
    Submit *events* from a synchronous program; return their ids.

    Raises:
        BrokerUnavailable, ConfigurationError, Unroutable: As :class:`Publisher` does.
    """

    async def submitting() -> list[str]:
        messages = [message_of(event, source=source) for event in events]
        async with Publisher(amqp_url, source=source) as publisher:
            await publisher.publish(messages)
        return [message.message_id for message in messages]

    return asyncio.run(submitting())
