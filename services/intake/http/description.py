"""The OpenAPI description: what a route states about its calls, and the document of all routes."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from inspect import cleandoc, getsource
from itertools import pairwise
from textwrap import dedent
from types import MappingProxyType
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.types import ASGIApp

from shared.runtime.http_problems import PROBLEM_JSON, phrase_of

JSON, ZIP = "application/json", "application/zip"
SCHEMAS = "#/components/schemas/"
EVERY_CALL = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Errors that every call may have; 429 also after too many wrong credentials from its address."""
KEYED = (HTTPStatus.UNAUTHORIZED,)
"""Errors of every call with a credential."""
WITH_BODY = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE,)
"""Errors of every call with a body."""
PART_OF_A_PATH = r"^[^/\r\n]+$"
"""Texts that a parameter in a path may have at most: no other reaches a route."""
GENERATED = ("HTTPValidationError", "ValidationError")
"""Schemas of FastAPI's own answer to invalid parameters, which no route gives."""

Security: TypeAlias = Sequence[Mapping[str, Sequence[str]]]
"""The credentials that a call accepts, one of them; an empty mapping: none is needed."""
PUBLIC: Security = ()
SYSTEM: Security = ({"systemKey": ()},)
SYSTEM_OR_PUBLIC: Security = ({}, *SYSTEM)
STAFF: Security = ({"staffSession": ()},)
SCHEMES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "systemKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "The API key of an upstream system (`HABEAS_API_KEYS`). It decides the source.",
        },
        "staffSession": {
            "type": "http",
            "scheme": "bearer",
            "description": "The secret of a session, which a signed `habeas.staff.signed_in.v1` began.",
        },
        "drpToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of an agent's pair-wise key, from `setUpDrpAgent`.",
        },
        "opendsrBasic": {
            "type": "http",
            "scheme": "basic",
            "description": "Key and secret of a controller (`HABEAS_OPENDSR_CONTROLLERS`).",
        },
        "opendsrBearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a controller (`HABEAS_OPENDSR_CONTROLLERS`).",
        },
        "fidesToken": {
            "type": "oauth2",
            "description": "A client's secret (`HABEAS_FIDES_CLIENTS`) gives a token for an hour.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/fides/api/v1/oauth/token",
                    "scopes": {
                        "privacy-request:create": "Submit requests",
                        "privacy-request:read": "Read requests",
                        "privacy-request:review": "Decide requests",
                        "privacy-request-access-results:read": "Read the addresses of answers",
                    },
                }
            },
        },
        "fidesBasic": {"type": "http", "scheme": "basic", "description": "Id and secret of a client."},
        "shopifySignature": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Shopify-Hmac-Sha256",
            "description": "HMAC-SHA256 of the body under an app's client secret, in base64.",
        },
    }
)
"""Security schemes; the document has those that its calls use."""
TAGS: Mapping[str, str] = MappingProxyType(
    {
        "requests": "Requests of data subjects, from upstream systems and from people.",
        "unsubscribe": "Links for one-click unsubscription (RFC 8058).",
        "staff": "Decisions of staff accounts, signed in the body; sessions of these accounts.",
        "drp": "Data Rights Protocol 1.0, for authorised agents. Bodies are signed messages.",
        "opendsr": "OpenGDPR 1.0, OpenDSR 2.0 and the dialect 3.0, for controllers. Answers are signed.",
        "fides": "The part of Fides' API that a Privacy Center and scripts call.",
        "webhooks": "Webhooks of platforms. Each message is signed by its platform.",
    }
)
PREFIXES: Mapping[str, str] = MappingProxyType(
    {"/v1/staff": "staff", "/v1/unsubscribe-links": "unsubscribe", "/v1": "requests"}
)
"""Beginning of a path → tag; other paths are tagged by their first part."""


UNAVAILABLE: Any = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "A part of the system does not answer; try again.",
}


class Fault(BaseModel):
    """A fault in what was sent, without its value."""

    message: str
    path: str | None = None
    """Where it is in the body."""
    line: int | None = None
    """The row of a sheet."""
    column: str | None = None
    """The column of a sheet."""


class Problem(BaseModel):
    """A problem (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"examples": [UNAVAILABLE]})

    type: str
    """A URI; `about:blank` if the status says all."""
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = None
    """The faults of a body or a sheet."""
    reason: str | None = None
    """Why a code was refused."""


@dataclass(frozen=True, slots=True)
class Content:
    """A body or an answer."""

    example: Any = None
    model: Any = None
    """Its type; None if FastAPI knows it from the route, or *schema* describes it."""
    media: str = JSON
    schema: Mapping[str, Any] | None = None

    def described(self, mode: Any) -> dict[str, Any]:
        """Return the description, as it is read (``validation``) or written (``serialization``)."""
        schema = None if self.schema is None else dict(self.schema)
        if self.model is not None:
            schema = _schema_of(self.model, mode)
        # FastAPI leaves null values out of examples: until the document is whole, they are texts.
        parts = {"schema": schema, "example": None if self.example is None else json.dumps(self.example)}
        return {self.media: {name: part for name, part in parts.items() if part is not None}}


@cache
def _schema_of(model: Any, mode: Any) -> dict[str, Any]:
    """Return the schema of *model*, once for all calls: that of errors alone is in each of them."""
    return TypeAdapter(model).json_schema(mode=mode, ref_template=SCHEMAS + "{model}")


BINARY: Mapping[str, Any] = MappingProxyType({"type": "string", "format": "binary"})
"""The schema of bytes; generators take text that is not JSON as bytes, too."""
NULL = Content(schema={"type": "null"})
"""An answer without content."""


FROM_INTAKE = (HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS)
"""Errors that intake itself answers: a path without a route, and too many wrong credentials."""


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """The form of a channel's errors."""

    content: Content

    def responses(self, statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
        """Return the descriptions of the answers with *statuses*."""
        return {int(status): self._response(HTTPStatus(status)) for status in sorted(set(statuses))}

    def _response(self, status: HTTPStatus) -> dict[str, Any]:
        content = self.content.described("serialization")
        if status in FROM_INTAKE:
            content |= PROBLEM.content.described("serialization")
        name = HEADERS.get(status)
        headers = {"headers": {name: {"schema": {"type": "string"}}}} if name else {}
        return {"description": phrase_of(status), "content": content, **headers}


HEADERS: Mapping[int, str] = MappingProxyType(
    {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
)
PROBLEM = ErrorForm(Content(model=Problem, media=PROBLEM_JSON))
"""Errors of intake's own API."""


def operation(  # noqa: PLR0913 - all parts of a description
    id_: str,
    *errors: int,
    answer: Mapping[int, Content | None],
    body: Sequence[Content] = (),
    security: Security = PUBLIC,
    form: ErrorForm = PROBLEM,
    body_required: bool = True,
    parameters: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """
    Return the arguments of a route that describe its calls.

    Args:
        id_: The name of the operation, in camel case; generators name functions by it.
        errors: Statuses besides those of every call, of a credential and of a body.
        answer: Status → content of each success.
        body: The ways to write the body.
        security: The accepted credentials.
        form: The form of errors.
        body_required: Whether the body may not be left out.
        parameters: Parameters that the route reads itself.
    """
    statuses = {*errors, *EVERY_CALL, *(KEYED if any(security) else ()), *(WITH_BODY if body else ())}
    if form is PROBLEM and any(one.media == JSON for one in body):
        statuses.add(HTTPStatus.BAD_REQUEST)  # not UTF-8
    extra: dict[str, Any] = {
        "security": [{name: [*scopes] for name, scopes in one.items()} for one in security]
    }
    if body:
        content = {kind: parts for one in body for kind, parts in one.described("validation").items()}
        extra["requestBody"] = {"required": body_required, "content": content}
    if parameters:
        extra["parameters"] = [*parameters]
    return {
        "operation_id": id_,
        "summary": re.sub("[A-Z]", lambda found: f" {found[0].lower()}", id_).capitalize(),
        "responses": {**_successes(answer), **form.responses(statuses)},
        "openapi_extra": extra,
    }


def _successes(answer: Mapping[int, Content | None]) -> dict[int | str, dict[str, Any]]:
    return {
        int(status): {
            "description": phrase_of(status),
            **({"content": content.described("serialization")} if content else {}),
        }
        for status, content in answer.items()
    }


def document(app: FastAPI, protocols: Mapping[str, ASGIApp], root: str) -> dict[str, Any]:
    """Return the OpenAPI document of *app*, with *protocols* by path; *root* is the public address."""
    found: dict[str, Any] = get_openapi(
        title="Habeas intake",
        version=version("habeas"),
        summary="Requests of data subjects.",
        description="Submits requests, follows them, and serves the protocols that are enabled. Errors are "
        "`application/problem+json` (RFC 9457); protocols have errors of their own form.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": root, "description": "This installation"}],
        routes=app.routes,
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for path, protocol in protocols.items():
        if isinstance(protocol, FastAPI):
            part = get_openapi(title="", version="", routes=protocol.routes)
            found["paths"] |= {path + name: calls for name, calls in part["paths"].items()}
            _add_schemas(schemas, part.get("components", {}).get("schemas", {}))
    found = _hoisted(found, schemas)
    add_meanings(schemas)
    found["components"] = {"schemas": dict(sorted(schemas.items()))}
    return _completed(found)


def add_meanings(schemas: Mapping[str, Any]) -> None:
    """Add the docstrings of fields to *schemas*, which are called as their models are."""
    models = {model.__name__: model for model in _models(BaseModel)}
    for name, schema in schemas.items():
        if name in models and "properties" in schema:
            for field, meaning in _meanings(models[name]).items():
                if (described := schema["properties"].get(field)) is not None:
                    described.setdefault("description", meaning)


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


@cache
def _meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return field → docstring, also of inherited fields; pydantic would read the sources at each start."""
    found = dict[str, str]()
    for kind in model.__mro__[: model.__mro__.index(BaseModel)]:
        with suppress(OSError):  # a model that was put together has no source
            found = dict(_documented(getsource(kind))) | found
    return found


def _documented(source: str) -> Iterator[tuple[str, str]]:
    """Yield the documented fields of the class in *source*, and their docstrings."""
    [declared] = ast.parse(dedent(source)).body
    for field, text in pairwise(getattr(declared, "body", ())):
        meaning = getattr(getattr(text, "value", None), "value", None)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(meaning, str):
            yield ast.unparse(field.target), cleandoc(meaning)


def calls_of(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and description of each call of a document."""
    for path, methods in described["paths"].items():
        for method, call in methods.items():
            yield path, method, call


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    """Add tags, patterns of paths and security schemes; remove the answers that no route gives."""
    tags, schemes = dict[str, None](), set[str]()
    for path, _, call in calls_of(found):
        call["tags"] = [tag := _tag(path)]
        tags[tag] = None
        for one in call.get("parameters", ()):
            if one["in"] == "path":
                one["schema"].setdefault("pattern", PART_OF_A_PATH)
        schemes |= {name for one in call.get("security", ()) for name in one}
        if GENERATED[0] in str(call["responses"].get("422")):
            del call["responses"]["422"]
    for name in GENERATED:
        found["components"]["schemas"].pop(name, None)
    found["components"]["securitySchemes"] = {
        name: dict(SCHEMES[name]) for name in SCHEMES if name in schemes
    }
    found["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in tags]
    return found


def _tag(path: str) -> str:
    return next((tag for begin, tag in PREFIXES.items() if path.startswith(begin)), path.split("/")[1])


def _hoisted(part: Any, schemas: dict[str, Any]) -> Any:
    """Return *part* with its titled schemas and their definitions moved into *schemas*."""
    if isinstance(part, list):
        return [_hoisted(one, schemas) for one in part]
    if not isinstance(part, dict):
        return part
    if "$defs" in part or _is_model(part):
        plain = dict(part)
        _add_schemas(schemas, plain.pop("$defs", {}))
        if not _is_model(plain):
            return _hoisted(plain, schemas)
        _add_schemas(schemas, {plain["title"]: plain})
        return {"$ref": SCHEMAS + plain["title"]}
    return {
        name: json.loads(one) if name == "example" else one if name == "schemas" else _hoisted(one, schemas)
        for name, one in part.items()
    }


def _is_model(part: Mapping[str, Any]) -> bool:
    """Return whether *part* is the schema of a model."""
    return part.get("type") == "object" and "properties" in part and str(part.get("title", "")).isidentifier()


def _add_schemas(known: dict[str, Any], others: Mapping[str, Any]) -> None:
    """Add *others*; FastAPI and pydantic spell bytes differently, so fields are compared by name."""
    for name, schema in others.items():
        if set(known.setdefault(name, schema).get("properties", ())) != set(schema.get("properties", ())):
            raise ValueError(f"two schemas are called {name}")
