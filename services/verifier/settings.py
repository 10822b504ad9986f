"""What the verifier alone needs to be told."""

from datetime import timedelta
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, Field

from services.verifier.assurance.levels import Sensitivity
from shared.contract.sources import trustable
from shared.runtime.settings import Settings

TrustedSource: TypeAlias = Annotated[str, AfterValidator(trustable)]


class VerifierSettings(Settings):
    """Settings of the verifier."""

    account: ClassVar[str] = "verifier"

    trusted_sources: frozenset[TrustedSource] = frozenset()
    """
    Upstream systems whose log-in counts as proof of identity: JSON list of CloudEvents sources; `drp/ID` for
    an authorised agent whose word counts that a mailbox is the person's.
    """

    confirming_sources: frozenset[str] = frozenset()
    """
    Upstream systems that show the person right, consequence and recipient of an erasure or a transfer, and
    have it confirmed, before they pass it on: JSON list of CloudEvents sources.
    """

    sensitivity: Sensitivity = Sensitivity.ORDINARY
    """How much harm it would do to show the data held to a stranger: `low`, `ordinary` or `high`."""

    proof_patience: timedelta = Field(default=timedelta(days=30), gt=timedelta())
    """How long proof of identity is waited for; half-way the person is reminded, then the request lapses."""

    codes_per_hour: int = Field(default=6, ge=1)
    """Codes that one mailbox may be sent within an hour, over all requests that name it."""

    two_deciders: bool = False
    """Whether two of the staff must decide that a requester is the person."""

    login_issuer: str = Field(default="", pattern=r"^$|^https://|^http://(127\.0\.0\.1|localhost)[:/]")
    """Issuer of the company's own log-in (OpenID Connect), asked with max_age=600; its tokens are proof."""

    login_client: str = ""
    """Audience that those tokens must be meant for."""

    login_identity: str = ""
    """Identity of the data map that is the log-in's `sub`; empty: the e-mail address alone counts."""
