"""Settings of the console."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from shared.contract.topology import CONSOLE
from shared.runtime.settings import Settings


class ConsoleSettings(Settings):
    """Settings of the console, besides those of every service."""

    account: ClassVar[str] = CONSOLE

    master_key: SecretStr = SecretStr("")
    """Not used: the console has no key."""

    console_port: int = Field(default=8090, ge=0, le=65535)
    """Port of the console's pages and API; 0 takes a free one."""

    console_url: str = "http://127.0.0.1:8090"
    """Where staff reach the console; the sign-in of a provider leads back there."""

    intake_url: str = "http://127.0.0.1:8080"
    """Where the console reaches intake's staff API; inside a network of containers `http://intake:8080`."""

    session_idle: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0), le=timedelta(hours=8))
    """How long a session may be idle before staff must sign in again."""

    session_length: timedelta = Field(default=timedelta(hours=8), gt=timedelta(0), le=timedelta(hours=12))
    """How long a session lasts at most."""

    oidc_issuer: str = ""
    """Provider of sign-in (OpenID Connect): the claim `iss` of its tokens; empty: password and code alone."""

    oidc_client: str = ""
    """Id of the console at the provider."""

    oidc_secret: SecretStr = SecretStr("")
    """Secret of the console at the provider; empty for a public client."""

    @field_validator("master_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        """Drop it, even if the environment has one for the other services."""
        del value
        return SecretStr("")

    @field_validator("console_url", "intake_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")
