"""
CloudEvents 1.0 around an event, in structured JSON; binary mode is read too.

Source: CloudEvents 1.0.2 core and its AMQP and JSON bindings. ``correlationid`` is the request id on all
that Habeas publishes; ``causationid`` is the id of the event that led to this one. Events about a request
name its publisher as well (:mod:`shared.contract.correlation`).
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from shared.contract import contract_version
from shared.contract.catalogue import catalogue
from shared.contract.correlation import Correlation
from shared.contract.events import Event, EventPart, Fact, ProofKind, Strict, Submission, SubmissionError
from shared.contract.field_errors import MOST_ERRORS, message_of, no_json
from shared.contract.topology import MAX_BODY as MAX_BODY  # noqa: PLC0414 - a property of envelopes as well
from shared.contract.topology import MAX_ID as MAX_ID  # noqa: PLC0414 - the same
from shared.contract.topology import STRUCTURED as STRUCTURED  # noqa: PLC0414 - the same
from shared.errors import MalformedEvent

TRACEPARENT = "traceparent"
"""Header of a message with the span that published it; https://www.w3.org/TR/trace-context/."""
PREFIXES = ("ce-", "ce_", "cloudEvents:", "cloudEvents_")
"""Prefixes of attributes in binary mode: by the bindings for HTTP and for AMQP (section 3.1.3.1)."""

E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Envelope(Generic[E_co]):
    """An event with its CloudEvents attributes."""

    event: E_co
    id: str
    source: str
    time: datetime
    correlation: Correlation | None = None
    """Of a fact: the publisher's names of its request."""
    contract: int = 0
    """Number of the contract that a fact was published with."""


class Unreadable(MalformedEvent):
    """A message is no event of the catalogue. It names the publisher and the flaws, never a value."""

    def __init__(
        self,
        flaws: tuple[SubmissionError, ...],
        source: str | None = None,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        reference: str | None = None,
    ) -> None:
        """Keep the names of the message, and the errors."""
        super().__init__("; ".join(map(str, flaws)))
        self.flaws = flaws
        self.source = source
        self.id = id
        self.reference = reference


def derived_id(cause: str, index: int) -> str:
    """Return the id of the *index*-th event that the event *cause* leads to: the same at every repetition."""
    return blake2b(f"{cause}/{index}".encode(), digest_size=16).hexdigest()


def encode(  # noqa: PLR0913 - the attributes of an event
    fact: Fact,
    *,
    id: str,  # noqa: A002  CloudEvents' own name
    source: str,
    time: datetime,
    cause: str | None = None,
    correlation: Correlation | None = None,
) -> bytes:
    """Return *fact* as CloudEvents JSON."""
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": fact.TYPE,
        "time": time,
        "datacontenttype": "application/json",
        "correlationid": fact.request_id,
        contract_version.FIELD: contract_version.CONTRACT_NUMBER,
    }
    if cause is not None:
        attributes["causationid"] = cause
    if correlation is not None:
        attributes |= correlation.attributes
    head = orjson.dumps(attributes)
    return head[:-1] + b',"data":' + fact.__pydantic_serializer__.to_json(fact) + b"}"


def encode_submission(event: Submission, *, id: str, source: str, time: datetime) -> bytes:  # noqa: A002  CloudEvents' own name
    """Return *event* as CloudEvents JSON."""
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event.TYPE,
        "time": time,
        "datacontenttype": "application/json",
        "data": event.model_dump(mode="json", exclude_defaults=True),
    }
    return orjson.dumps(attributes)


def decode(
    body: bytes, *, exchange: str, content_type: str | None, headers: Mapping[str, Any]
) -> Envelope[Event]:
    """
    Read a message that arrived from *exchange*.

    Raises:
        Unreadable: It is too large, no JSON, no CloudEvent, of an unknown type, or its data does not fit.
        NewerContract: It is a fact of a newer version, and holds what this version does not know.
    """
    if len(body) > MAX_BODY:
        raise Unreadable((SubmissionError(path="", message=f"the message is larger than {MAX_BODY} bytes"),))
    attributes = _attributes(body, content_type, headers)
    names = _named(attributes, "source"), _named(attributes, "id"), _reference(attributes.get("data"))
    contract = attributes.get(contract_version.FIELD, 0) if exchange == Fact.EXCHANGE else 0
    try:
        return Envelope(
            event=contract_version.read(_model(attributes, exchange), attributes.get("data"), contract),
            id=_required(attributes, "id"),
            source=_required(attributes, "source"),
            time=_time(attributes.get("time")),
            correlation=Correlation.of(attributes) if exchange == Fact.EXCHANGE else None,
            contract=contract if isinstance(contract, int) else 0,
        )
    except (ValidationError, _MissingError) as error:
        if contract_version.is_newer(contract):
            newer = contract_version.newer_contract("the event", contract)
            newer.type = _known_type(attributes.get("type"))
            raise newer from None
        raise Unreadable(_flaws(error), *names) from None


def errors_of(
    errors: Iterable[Mapping[str, Any]], *, within: str | None = "data", known: Container[str] = ()
) -> tuple[SubmissionError, ...]:
    """
    Return the first of pydantic's errors: paths and messages, without any value that the publisher sent.

    *known* are steps that a path may contain besides the fields of events.
    """
    root = () if within is None else (within,)
    return tuple(
        SubmissionError(
            path=".".join([*root, *(_step(step, known) for step in flaw["loc"])]), message=message_of(flaw)
        )
        for flaw in islice(errors, MOST_ERRORS)
    )


def _flaws(error: "ValidationError | _MissingError") -> tuple[SubmissionError, ...]:
    return (error.flaw,) if isinstance(error, _MissingError) else errors_of(error.errors(include_url=False))


class _MissingError(Exception):
    def __init__(self, path: str, message: str) -> None:
        self.flaw = SubmissionError(path=path, message=message)
        super().__init__(message)


def _attributes(body: bytes, content_type: str | None, headers: Mapping[str, Any]) -> dict[str, Any]:
    binary = {
        name[len(prefix) :]: value
        for name, value in headers.items()
        for prefix in PREFIXES
        if name.startswith(prefix)
    }
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        flaw = SubmissionError(path="", message=f"the body {no_json(error.lineno, error.colno)}")
        raise Unreadable((flaw,), _text(binary.get("source")), _text(binary.get("id"))) from None
    if binary and not (content_type or "").startswith(STRUCTURED):
        return {**binary, "data": content}
    if not isinstance(content, dict):
        raise Unreadable((SubmissionError(path="", message="a CloudEvent is a JSON object"),))
    return content


def _model(attributes: Mapping[str, Any], exchange: str) -> type[Event]:
    if attributes.get("specversion") != "1.0":
        raise _MissingError("specversion", 'must be "1.0"')
    model = _MODELS.get((exchange, _text(attributes.get("type")) or ""))
    if model is None:
        known = ", ".join(sorted(type_ for where, type_ in _MODELS if where == exchange))
        raise _MissingError("type", f"unknown on {exchange}; known are {known}")
    return model


def _known_type(name: object) -> str | None:
    """Return *name* if it is the type of a fact that this version knows."""
    return name if isinstance(name, str) and name in FACTS else None


def _named(attributes: Mapping[str, Any], name: str) -> str | None:
    return _text(attributes.get(name))


def _reference(data: object) -> str | None:
    return _named(data, "reference") if isinstance(data, Mapping) else None


def _text(value: object) -> str | None:
    return value[:MAX_ID] if isinstance(value, str) and value else None


def _required(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        raise _MissingError(name, f"must be a string of 1 to {MAX_ID} characters")
    return value


def _time(value: object) -> datetime:
    """CloudEvents makes ``time`` optional; we need it: a request is dated by it."""
    if value is None:
        raise _MissingError("time", "is required: it dates the request")
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise _MissingError("time", "must be an RFC 3339 timestamp") from None
    if moment.tzinfo is None:
        raise _MissingError("time", "must name its offset from UTC")
    return moment


def _step(step: str | int, known: Container[str]) -> str:
    """A key that is no field of ours was chosen by the publisher and may be a name or an address."""
    return str(step) if isinstance(step, int) or step in _FIELDS or step in known else "…"


def fields_of(kind: type[BaseModel]) -> Iterator[str]:
    """Yield the names of the fields of a model and of those derived from it."""
    yield from kind.model_fields
    for child in kind.__subclasses__():
        yield from fields_of(child)


_FIELDS = frozenset(
    {*fields_of(Event), *fields_of(EventPart), *fields_of(Strict), *ProofKind, "body", "path", "query"}
)
"""Steps that a path may contain: our fields, kinds of proof, and places in an HTTP request."""
_MODELS: dict[tuple[str, str], type[Event]] = {(model.EXCHANGE, model.TYPE): model for model in catalogue()}
FACTS: dict[str, type[Fact]] = {model.TYPE: model for model in _MODELS.values() if issubclass(model, Fact)}
