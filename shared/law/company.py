"""The company's profile: its names, its establishments, and the rights it grants beyond the laws."""

from datetime import timedelta
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.law.brand import Brand
from shared.law.fees import Money


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone; write one like Europe/Berlin") from None


Zone: TypeAlias = Annotated[ZoneInfo, BeforeValidator(_zone)]
Place: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country or a part of one (ISO 3166): ``DE-BE``."""
Url: TypeAlias = Annotated[str, Field(pattern=r"^https://[^\s\"'<>]+$")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EstablishmentAuthority(_Said):
    """The supervisory authority of the place of establishment."""

    name: Annotated[str, Field(min_length=1)]
    url: Url
    address: str = ""


class RetainedData(_Said):
    """Data that stays when an account is deleted."""

    what: Annotated[str, Field(min_length=1)]
    why: Annotated[str, Field(min_length=1)]
    until: Annotated[str, Field(min_length=1)]
    """How long, in words."""


class CompanyProfile(_Said):
    """The controller: one file, ``policies/company.yaml``."""

    name: Annotated[str, Field(min_length=1)]
    postal_address: tuple[str, ...] = ()
    officer: str = ""
    """How the data protection officer is reached."""
    contact: str = ""
    """How the people that answer requests are reached: a mail address, or a page."""
    established_in: Place
    """Place of the public holidays that count where the law does not say so."""
    also_established_in: tuple[Place, ...] = ()
    """Further places; their laws protect every requester."""
    zone: Zone
    """Where requests are answered: days begin and end there."""
    authority: EstablishmentAuthority
    products: tuple[str, ...] = ()
    """Names of its products: letters list them."""
    affiliates: tuple[str, ...] = ()
    """Companies that it answers for as well: letters list them."""
    privacy_policy: Url | None = None
    """Where the privacy policy is."""
    opt_out: Url | None = None
    """Where the sale and sharing of data is stopped; None for a company that does neither."""
    complaints: Url | None = None
    """Where people complain to the company itself, if it has a form for that."""
    grants_to_others: str = "gdpr"
    """The law that applies to people outside all laws."""
    grants_to_everybody: str | None = None
    """A law that applies to all people besides their own; None for no such law."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")] = "en"
    """Language of pages for visitors without a stated language."""
    brand: Brand = Brand()
    """How pages look."""
    apps: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")], str] = {}
    """Apps in which people have accounts: their ids in the stores, and their names there."""
    developer: str = ""
    """The company's name in app stores; its name when empty."""
    keeps: tuple[RetainedData, ...] = ()
    """Data that stays when an account is deleted."""
    small: bool = False
    """Whether it is a small company to which the law of Brazil gives twice as long (ANPD Res. 2/2022)."""
    margin_days: Annotated[int, Field(ge=0, le=20)] | None = None
    """How long before the last day an answer should be sent; None: as long as the period makes sensible."""

    further_copy_fee: Money | None = None
    """The price of a copy of the data after those that are free by law; None: all are free."""

    @property
    def margin(self) -> timedelta | None:
        """How long before the last day an answer should be sent, where the company says so."""
        return None if self.margin_days is None else timedelta(days=self.margin_days)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place of establishment, the first one first."""
        return (self.established_in, *self.also_established_in)
