"""Settings of the verifier and its examiner."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, Field, SecretStr, field_validator

from services.verifier.assurance.levels import Sensitivity
from shared.contract.sources import trustable
from shared.runtime.openpgp import is_private_key
from shared.runtime.settings import Settings

_IDENTITIES = re.compile(r"[a-z0-9_.]{1,80}(,[a-z0-9_.]{1,80})*")


def _trusted_entry(entry: str) -> str:
    """Return *entry*: a source, or a source, ``=`` and the identities that it verifies."""
    source, identities = _parts(entry)
    if identities is not None and not _IDENTITIES.fullmatch(identities):
        raise ValueError("names no identities after `=`, such as `portal=email,customer_no`")
    trustable(source)
    return entry


def _parts(entry: str) -> tuple[str, str | None]:
    source, equals, identities = entry.rpartition("=")
    return (source, identities) if equals else (entry, None)


TrustedSource: TypeAlias = Annotated[str, AfterValidator(_trusted_entry)]


class VerifierSettings(Settings):
    """Settings of the verifier."""

    account: ClassVar[str] = "verifier"

    trusted_sources: frozenset[TrustedSource] = frozenset()
    """
    Upstream systems with a log-in that proves the identity: JSON list of CloudEvents sources; `drp/ID` for
    an authorised agent that may vouch for the person's mailbox. `portal=email,customer_no` states
    the identities that a source verifies; others count for nothing. Without it they are all that it names,
    a telephone number only where it names nothing else.
    """

    confirming_sources: frozenset[str] = frozenset()
    """
    Upstream systems that show the person right, consequence and recipient of an erasure or a transfer, and
    have it confirmed, before they pass it on: JSON list of CloudEvents sources.
    """

    sensitivity: Sensitivity = Sensitivity.ORDINARY
    """How much harm it would do to show the data held to a stranger: `low`, `ordinary` or `high`."""

    proof_patience: timedelta = Field(default=timedelta(days=30), gt=timedelta())
    """
    How long proof of identity is waited for, at most: a wait ends before the last day that the law sets for
    the answer, except while its clock is paused. Half-way the person is reminded, then the request lapses.
    """

    codes_per_hour: int = Field(default=6, ge=1)
    """Codes that one mailbox may be sent within an hour, over all requests that name it."""

    erasure_window: timedelta = Field(default=timedelta(days=1), ge=timedelta(), le=timedelta(days=7))
    """The wait for proof ends early enough that the window passes before the last day."""

    two_deciders: bool = False
    """Whether two of the staff must decide that a requester is the person."""

    login_issuer: str = Field(default="", pattern=r"^$|^https://|^http://(127\.0\.0\.1|localhost)[:/]")
    """Issuer of the company's own log-in (OpenID Connect), asked with max_age=600; its tokens are proof."""

    login_client: str = ""
    """Audience that those tokens must be meant for."""

    login_identity: str = ""
    """Identity of the data map that is the log-in's `sub`; empty: the e-mail address alone counts."""

    @field_validator("trusted_sources")
    @classmethod
    def _each_once(cls, entries: frozenset[str]) -> frozenset[str]:
        """Refuse two entries of one source: they would say different things."""
        if len({_parts(entry)[0] for entry in entries}) < len(entries):
            raise ValueError("names a source twice")
        return entries

    @property
    def trusted(self) -> Mapping[str, frozenset[str] | None]:
        """Each trusted source, with the identities that it verifies; None where they are not stated."""
        parts = map(_parts, self.trusted_sources)
        return {source: None if names is None else frozenset(names.split(",")) for source, names in parts}


class ExaminerSettings(VerifierSettings):
    """Settings of the examiner, which reads documents."""

    bill_age: timedelta = Field(default=timedelta(days=90), gt=timedelta())
    """How old a bill may be that proves an address."""

    models: Path | None = None
    """Folder of the models that read machine-readable zones; `.tools/models` if not set."""

    preload_models: bool = True
    """Whether the models are loaded before the service is ready; else with the first document."""

    antivirus: str = Field(default="", pattern=r"^$|^[^:\s]+:[0-9]{1,5}$")
    """Where ClamAV's daemon listens, `host:port`; empty: files are not scanned."""

    proof_key: SecretStr | None = None
    """Private OpenPGP key, as text and without a password: it decrypts documents that people encrypted."""

    @field_validator("proof_key")
    @classmethod
    def _decrypts(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not is_private_key(key.get_secret_value().encode()):
            raise ValueError("is no private OpenPGP key without a password")
        return key

    examination_timeout: timedelta = Field(default=timedelta(seconds=45), gt=timedelta())
    """How long one document may be examined."""
