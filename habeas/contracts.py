"""
The contract documents, from the catalogue and the routes; `habeas.reference` writes them.

``asyncapi.yaml`` (AsyncAPI 3), ``openapi.yaml`` and ``console-openapi.yaml`` (OpenAPI 3.1; the API of intake
and that of the console) for people and generators. For validators,
JSON Schemas (2020-12): ``schemas/<exchange>/<type>.json`` of the data of a message, ``schemas/envelope.json``
of the whole; ``schemas/habeas-case-trail-1.json`` of exported
trails. A test keeps them in step with the models and the routes.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import yaml
from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from habeas.event_samples import AT, fullest
from services.console.api.app import create_api
from services.intake.channels.drp.api import drp_app
from services.intake.channels.fides.api import FidesContext, fides_app
from services.intake.channels.fides.clients import Clients
from services.intake.channels.opendsr.api import opendsr_app
from services.intake.channels.unsubscribe.links import UnsubscribeLinks
from services.intake.channels.webhooks.service import WebhookService, webhooks_app
from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.description import add_meanings
from services.intake.http.description import document as described
from services.intake.http.staff_decisions import StaffDecisions
from services.intake.pages.csrf import CsrfGuard
from services.intake.pages.site import Site
from services.intake.trail.document import FORMAT, CaseTrail
from shared.contract import contract_version
from shared.contract.catalogue import catalogue
from shared.contract.correlation import EVENT, REFERENCE, SOURCE, Correlation
from shared.contract.envelope import MAX_BODY, STRUCTURED, derived_id, encode, encode_submission
from shared.contract.events import Event, Fact, Submission
from shared.contract.topology import EVENTS, REQUESTS
from shared.law import CompanyProfile
from shared.runtime.client_limits import Allowance
from shared.runtime.tokens import ExpectedToken

FOLDER = Path(__file__).parents[1] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROOT = "https://privacy.example.com"
EXAMPLE = CompanyProfile(
    name="Example",
    established_in="DE-BE",
    zone="Europe/Berlin",
    authority={"name": "Authority of Examplia", "url": "https://authority.example.org"},
)
TRAIL = f"{FORMAT.replace('/', '-')}.json"
SCHEMAS = "https://habeas.example/schemas/"
"""Begins the identifiers of schemas; nothing is served there."""
SERVER = {
    "host": "broker.example.com:5671",
    "pathname": "/habeas",
    "protocol": "amqps",
    "description": "RabbitMQ, with a virtual host for Habeas. A local installation uses `amqp`.",
    "security": [{"$ref": "#/components/securitySchemes/brokerUser"}],
}
DESCRIPTIONS = {
    REQUESTS: "Submissions of upstream systems. Topic exchange; the routing key is the event's type.",
    EVENTS: "Facts that Habeas publishes. Topic exchange; the routing key is the event's type.",
}


def documents() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every document."""
    written = {
        "asyncapi.yaml": asyncapi(),
        "openapi.yaml": openapi(),
        "console-openapi.yaml": console_openapi(),
    }
    for name, document in written.items():
        yield name, yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    for kind in events():
        yield f"schemas/{_file(kind)}", _written(json_schema(kind))
    yield "schemas/envelope.json", _written(envelope())
    yield f"schemas/{TRAIL}", _written(trail())


def _written(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def trail() -> dict[str, Any]:
    """Return the JSON Schema of the trail of a case."""
    schema = CaseTrail.model_json_schema(mode="serialization")
    add_meanings({CaseTrail.__name__: schema, **schema["$defs"]})
    return {"$schema": DIALECT, "$id": SCHEMAS + TRAIL, **schema}


def events() -> list[type[Event]]:
    """Return the catalogue by exchange and type; the same type on two exchanges is listed twice."""
    kinds = (kind for kind in catalogue() if "TYPE" in vars(kind))
    return sorted(kinds, key=lambda kind: (kind.EXCHANGE != REQUESTS, kind.TYPE))


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema of the ``data`` of an event."""
    schema = kind.model_json_schema(mode=_mode(kind))
    add_meanings({kind.__name__: schema, **schema.get("$defs", {})})
    return {"$schema": DIALECT, "$id": SCHEMAS + _file(kind), **schema}


def envelope() -> dict[str, Any]:
    """Return the JSON Schema of a whole message: its attributes, and the data of its type."""
    files: dict[str, list[str]] = {}
    for kind in events():
        files.setdefault(kind.TYPE, []).append(_file(kind))
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMAS}envelope.json",
        "title": "Envelope",
        **_cloud_event(),
        "required": [*_cloud_event()["required"], "data"],
        "oneOf": [
            {
                "title": type_,
                "properties": {
                    "type": {"const": type_},
                    "data": {"anyOf": [{"$ref": name} for name in names]},
                },
                "required": ["type", "data"],
            }
            for type_, names in files.items()
        ],
    }


def example(kind: type[Event]) -> dict[str, Any]:
    """Return a message of *kind* with all fields."""
    event, id_ = fullest(kind), derived_id(kind.TYPE, 0)
    if isinstance(event, Fact):
        names = Correlation("shop.example", "ticket-4711", "event-4711")
        body = encode(
            event, id=id_, source="habeas/intake", time=AT, cause=derived_id(kind.TYPE, 1), correlation=names
        )
    else:
        body = encode_submission(cast("Submission", event), id=id_, source="shop.example", time=AT)
    found: dict[str, Any] = json.loads(body)
    return found


def _file(kind: type[Event]) -> str:
    return f"{kind.EXCHANGE}/{kind.TYPE}.json"


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI document."""
    kinds = events()
    schemas = models_json_schema(
        [(kind, _mode(kind)) for kind in kinds], ref_template="#/components/schemas/{model}"
    )[1]["$defs"]
    add_meanings(schemas)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Habeas",
            "version": version("habeas"),
            "license": {"name": "Apache-2.0"},
            "description": f"CloudEvents 1.0 in structured JSON, persistent, at most {MAX_BODY} bytes. "
            "Facts hold references, never personal data.",
        },
        "defaultContentType": STRUCTURED,
        "servers": {"broker": SERVER},
        "channels": {exchange: _channel(exchange, kinds) for exchange in (REQUESTS, EVENTS)},
        "operations": {
            "takeSubmissions": _operation("receive", REQUESTS),
            "publishFacts": _operation("send", EVENTS),
        },
        "components": {
            "securitySchemes": {
                "brokerUser": {
                    "type": "userPassword",
                    "description": "A RabbitMQ user of the system; messages name it in `user_id`.",
                }
            },
            "messages": {kind.__name__: _message(kind) for kind in kinds},
            "schemas": {"CloudEvent": _cloud_event(), **_without_mappings(schemas)},
        },
    }


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of intake with every channel enabled."""
    return described(*every_channel(), ROOT)


def console_openapi() -> dict[str, Any]:
    """Return the OpenAPI document of the console; nothing is behind its routes."""
    return create_api(cast("Any", None)).openapi()


def every_channel() -> tuple[FastAPI, Mapping[str, FastAPI]]:
    """Return the application of intake, and those of its protocols by path; nothing is behind them."""
    none = cast("Any", None)  # no call is made
    limit, site = Allowance(0), Site(EXAMPLE, CsrfGuard(b"", ROOT, Allowance(0)))
    token = ExpectedToken(none, frozenset(), ())
    webhooks = WebhookService(none, shopify=(b"",), meta=(b"",), apple=token, risc=token)
    protocols = {
        "/drp": drp_app(none),
        "/opendsr": opendsr_app(none),
        "/fides": fides_app(FidesContext(none, none, none, Clients({}, none), limit)),
        "/webhooks": webhooks_app(webhooks),
    }
    staff = StaffDecisions(none, none, none, limit, none)
    app = create_app(
        none,
        Callers({}, limit),
        site,
        protocols=protocols,
        links=UnsubscribeLinks(b"", ROOT),
        staff=staff,
        requesters=cast("Any", object()),
        trails=cast("Any", object()),
        purged=cast("Any", object()),
    )
    return app, protocols


def _without_mappings(schema: Any) -> Any:
    """AsyncAPI knows a discriminator by its property name alone."""
    if isinstance(schema, list):
        return [_without_mappings(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _without_mappings(value) for key, value in schema.items()}
    if isinstance(plain.get("discriminator"), dict):
        plain["discriminator"] = plain["discriminator"]["propertyName"]
    return plain


def _mode(kind: type[Event]) -> Any:
    """Describe a submission as it is read, and a fact as it is written."""
    return "validation" if issubclass(kind, Submission) else "serialization"


def _channel(exchange: str, kinds: list[type[Event]]) -> dict[str, Any]:
    here = [kind for kind in kinds if exchange == kind.EXCHANGE]
    return {
        "address": exchange,
        "description": DESCRIPTIONS[exchange],
        "servers": [{"$ref": "#/servers/broker"}],
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in here},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"name": exchange, "type": "topic", "durable": True}}
        },
    }


def _operation(action: str, exchange: str) -> dict[str, Any]:
    channel = {"$ref": f"#/channels/{exchange}"}
    return {"action": action, "channel": channel, "bindings": {"amqp": {"deliveryMode": 2, "ack": True}}}


def _message(kind: type[Event]) -> dict[str, Any]:
    data = {"$ref": f"#/components/schemas/{kind.__name__}"}
    properties = {"type": {"const": kind.TYPE}, "data": data}
    return {
        "name": kind.TYPE,
        "title": kind.__name__,
        "summary": (kind.__doc__ or "").strip().splitlines()[0],
        "contentType": STRUCTURED,
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {"type": "object", "properties": properties, "required": ["data"]},
            ]
        },
        "examples": [{"name": "allFields", "payload": example(kind)}],
        **({"tags": [{"name": "for upstream systems"}]} if issubclass(kind, Fact) and kind.TERMINAL else {}),
    }


def _cloud_event() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "The attributes of CloudEvents 1.0, and six of ours.",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "correlationid": {**text, "description": "Request id, on everything Habeas publishes."},
            "causationid": {**text, "description": "Id of the event that led to this one."},
            contract_version.FIELD: {
                "type": "integer",
                "description": "Number of the contract of a fact; that of a later release is higher.",
            },
            SOURCE: {**text, "description": "Source of the submitting system, or the keyed form of it."},
            REFERENCE: {**text, "description": "Its reference of the request, or the keyed form of it."},
            EVENT: {**text, "description": "Id of its event, or the keyed form of it."},
        },
        "required": ["specversion", "id", "source", "type", "time"],
    }
