"""Which clients there are, and what each may do. Pure."""

import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.intake.domain import PUBLIC_DOOR
from shared.sources import Channel, Source, channel_source

SECRET_CHARACTERS = 16
"""A shorter one can be guessed."""


class Scope(StrEnum):
    """What a client may do."""

    CREATE = "privacy-request:create"
    READ = "privacy-request:read"
    REVIEW = "privacy-request:review"
    ACCESS_RESULTS = "privacy-request-access-results:read"


class Client(BaseModel):
    """A system that calls with a token of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: Annotated[SecretStr, Field(min_length=SECRET_CHARACTERS)]
    scopes: frozenset[Scope]


def source_of(client_id: str | None) -> Source:
    """Return the CloudEvents source of the requests that a client makes; None is whoever shows no token."""
    return PUBLIC_DOOR if client_id is None else channel_source(Channel.FIDES, client_id)


def by_of(client_id: str) -> str:
    """Return who has decided what a client decides."""
    return f"fides.{client_id}"


def shows_secret(clients: Mapping[str, Client], client_id: str, secret: str) -> bool:
    """Tell whether *secret* is that of the client, as slowly for one as for none."""
    client = clients.get(client_id)
    right = client.secret.get_secret_value() if client else ""
    return hmac.compare_digest(right.encode(), secret.encode("utf-8", "surrogatepass")) and client is not None
