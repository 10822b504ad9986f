"""Submissions as messages for ``habeas.requests``, made of models or of plain literals."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from pydantic_core import to_json

from shared.contract.events.base import Event
from shared.contract.events.submissions import Submission
from shared.contract.topology import MAX_BODY, MAX_ID, STRUCTURED
from shared.errors import ConfigurationError
from shared.runtime.broker.messages import Message

S = TypeVar("S", bound=Submission)


def submission_of(model: type[S], content: S | Mapping[str, Any]) -> S:
    """
    Return *content* as a *model*; literals stand for enumerations, texts in ISO 8601 for dates.

    Content that does not fit raises pydantic's ``ValidationError``, which repeats no value.
    """
    return content if isinstance(content, model) else model.model_validate(content)


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
        "id": named("id", id or str(uuid4())),
        "source": named("source", source),
        "type": event.TYPE,
        "time": (time or datetime.now(UTC)).isoformat(),
    }
    data = event.model_dump(mode="json", exclude_none=True)
    if binary:
        headers = {f"cloudEvents:{name}": value for name, value in attributes.items()}
        return _sized(event, to_json(data), attributes["id"], "application/json", headers)
    structured = attributes | {"datacontenttype": "application/json", "data": data}
    return _sized(event, to_json(structured), attributes["id"], STRUCTURED, {})


def named(name: str, value: str) -> str:
    """
    Return *value*, an id or a source.

    Raises:
        ConfigurationError: It is empty or too long.
    """
    if not 0 < len(value) <= MAX_ID:
        raise ConfigurationError(f"{name}: must have 1 to {MAX_ID} characters")
    return value


def _sized(event: Event, body: bytes, id_: str, content_type: str, headers: dict[str, str]) -> Message:
    if len(body) > MAX_BODY:
        raise ConfigurationError(
            f"the event has {len(body)} bytes, more than the {MAX_BODY} that Habeas takes by AMQP: "
            "submit documents by POST /v1/requests/{id}/proofs"
        )
    return Message(event.EXCHANGE, event.TYPE, body, id_, content_type, headers)
