"""Publication of submissions by AMQP, repeated until the broker has confirmed them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from shared.client.fields import AppealFields, ProofSubmissionFields, RequestFields, WithdrawalFields
from shared.client.submissions import message_of, named, submission_of
from shared.contract.events.submissions import (
    AppealSubmitted,
    ProofSubmitted,
    RequestSubmitted,
    Submission,
    WithdrawalSubmitted,
)
from shared.errors import BrokerUnavailable, ConfigurationError, TopologyMissing, Unroutable
from shared.runtime.broker.messages import Message
from shared.runtime.broker.publisher import Bus

TRIES = 5
PAUSE_S = 0.2
"""Delay before the second try; it doubles before each further one."""
REMEDY = (
    "see that the broker runs and that URL, user and password are right, then send it again with the same id"
)


class Publisher:
    """
    A system that submits by AMQP, connected between the two ends of ``async with``.

    Its account needs to write to the exchange ``habeas.requests``, and nothing else. When a method returns,
    the broker has the event on disk, and a queue of Habeas holds it. Unconfirmed events are sent again, a
    few times, with the same id; then an error names the remedy.
    """

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
        self._source = named("source", source)
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

    async def publish_request(
        self,
        request: RequestSubmitted | RequestFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """
        Publish a request; return the id of the event.

        A request that does not fit raises pydantic's ``ValidationError``, which repeats no value.

        Args:
            request: The person's request.
            id: The event's id; random by default. The same source and id are one event.
            time: When the request reached you, unless ``received_at`` is set; now by default.

        Raises:
            BrokerUnavailable: It was not confirmed, as often as it was tried.
            ConfigurationError: The event is too large, or *id* too long.
            Unroutable: Habeas has no queue for it.
        """
        return await self.publish_one(submission_of(RequestSubmitted, request), id, time)

    async def prove(
        self,
        proofs: ProofSubmitted | ProofSubmissionFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish proofs of identity for an earlier request; otherwise as :meth:`publish_request`."""
        return await self.publish_one(submission_of(ProofSubmitted, proofs), id, time)

    async def withdraw(
        self,
        withdrawal: WithdrawalSubmitted | WithdrawalFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish a withdrawal of a request; otherwise as :meth:`publish_request`."""
        return await self.publish_one(submission_of(WithdrawalSubmitted, withdrawal), id, time)

    async def appeal(
        self,
        appeal: AppealSubmitted | AppealFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish an appeal against an answer; otherwise as :meth:`publish_request`."""
        return await self.publish_one(submission_of(AppealSubmitted, appeal), id, time)

    async def publish(self, messages: Sequence[Message]) -> None:
        """
        Publish many events at once, made by :func:`message_of`; return when all are confirmed.

        After an error the same messages may be published again: they have the same ids.

        Raises:
            BrokerUnavailable: They were not all confirmed, as often as it was tried.
            Unroutable: Habeas has no queue for one.
        """
        await self._insist(lambda: self._bus.publish(messages))

    async def publish_one(self, event: Submission, id_: str | None, time: datetime | None) -> str:
        """Publish *event*; return its id."""
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
