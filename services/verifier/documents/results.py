"""
The reading of one file, and its checks: plain values that pass between processes.

A reading is personal data. It lives in memory and sealed in the vault until the decision, and nowhere else.
Pure.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints

Reason = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,80}$")]
"""A code of the closed vocabulary in ``reasons``: events and logs may carry it."""


class PlainValue(BaseModel):
    """A plain value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CheckResult(StrEnum):
    """The result of a check. An undecided check is never a pass."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not_run"


class Check(PlainValue):
    """One question to a document, and the answer."""

    name: Reason
    result: CheckResult
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def passed(cls, name: Reason) -> Self:
        """Return a check that found nothing wrong."""
        return cls(name=name, result=CheckResult.PASS)

    @classmethod
    def failed(cls, name: Reason, *reasons: Reason, unless: bool = False) -> Self:
        """Return a check that failed for *reasons*, or that passed where *unless* holds."""
        return cls.passed(name) if unless else cls(name=name, result=CheckResult.FAIL, reasons=reasons)

    @classmethod
    def unsure(cls, name: Reason, *reasons: Reason, unless: bool = False) -> Self:
        """Return a check that is undecided for *reasons*, or that passed where *unless* holds."""
        return (
            cls.passed(name) if unless else cls(name=name, result=CheckResult.INCONCLUSIVE, reasons=reasons)
        )


class Format(StrEnum):
    """Layout of a machine-readable zone (ICAO Doc 9303, or French)."""

    TD1 = "td1"
    TD2 = "td2"
    TD3 = "td3"
    FRENCH_ID = "french_id"
    FRENCH_LICENCE = "french_licence"
    VISA_A = "visa_a"
    VISA_B = "visa_b"


class MachineZone(PlainValue):
    """A machine-readable zone."""

    format: Format
    lines: tuple[str, ...]
    document_code: str = ""
    issuer: str = ""
    surname: str = ""
    given_names: str = ""
    number: str = ""
    nationality: str = ""
    born: date | None = None
    sex: str = ""
    expires: date | None = None
    wrong_digits: tuple[Reason, ...] = ()
    agreement: int = 1
    """How many reads said exactly this; those of one engine may err alike."""
    engines: int = 1
    """How many engines did: their errors are independent."""
    page: int = 0
    turns: int = 0
    """Quarters, against the clock, by which the page is turned to stand upright."""
    corners: tuple[tuple[float, float], ...] = ()
    """Of the zone, one round, the first two along a line; in parts of the upright page."""

    @property
    def by_two_engines(self) -> bool:
        """Whether two engines read it alike."""
        return self.engines > 1


class Licence(PlainValue):
    """The data of a North American driver's licence, from its PDF417 barcode (AAMVA DL/ID standard)."""

    version: int
    issuer: str = ""
    """State or province, two letters; empty where the issuer's number is not known."""
    country: str = ""
    """``USA`` or ``CAN``."""
    surname: str = ""
    given_names: str = ""
    """All names in one where the card does not say which is which: *surname* is then empty."""
    truncated: bool = False
    suffix: str = ""
    """Such as JR, where the card has it apart from the name."""
    number: str = ""
    born: date | None = None
    issued: date | None = None
    expires: date | None = None
    sex: str = ""
    lines: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postal_code: str = ""


Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height, in parts of a page."""


class TextLine(PlainValue):
    """A line of text on a page."""

    text: str
    page: int = 0
    box: Box = (0.0, 0.0, 0.0, 0.0)
    across: bool = False
    """Whether it is a mark across a document, or a part of one."""
    confidence: float = 1.0


class BillKind(StrEnum):
    """Kinds of letters with an address on them."""

    UTILITY = "utility"
    TELECOM = "telecom"
    BANK = "bank"
    CARD = "card"
    TAX = "tax"
    INVOICE = "invoice"
    """A bill for goods or work; it proves no address."""
    UNKNOWN = "unknown"


class Bill(PlainValue):
    """A bill or statement."""

    kind: BillKind
    issuer: str = ""
    issued: tuple[date, ...] = ()
    """The day it was issued; two where day and month could be either way round."""
    recipient: str = ""
    address: tuple[str, ...] = ()
    """The lines below the recipient's name, in the same block."""
    addresses: int = 0


class DocumentReading(PlainValue):
    """The content read from a file."""

    media_type: str = ""
    pages: int = 0
    zone: MachineZone | None = None
    licence: Licence | None = None
    lines: tuple[TextLine, ...] = ()
    bill: Bill | None = None
    checks: tuple[Check, ...] = ()
    """The readers' own checks: that a file is broken, a photo blurred, a digit wrong."""
    picture: str = ""
    """A hash of how the first page looks, 64 bits in hexadecimal: close for pictures that are alike."""
    digest: str = ""
    """SHA-256 of the picture as it was re-encoded."""


class PageFacts(PlainValue):
    """Facts of the pages that a file was drawn as."""

    pages: int = Field(default=0, ge=0)
    """Of the whole file; the first ones are drawn."""
    sizes: tuple[tuple[PositiveInt, PositiveInt], ...] = ()
    """Width and height of each page that is drawn, in pixels."""
    checks: tuple[Check, ...] = ()


def reasons_of(checks: Iterable[Check]) -> tuple[Reason, ...]:
    """Return the reasons of *checks*, each once."""
    return tuple(dict.fromkeys(reason for check in checks for reason in check.reasons))


FILE: Final = "file"
UNAVAILABLE: Final = "reader_unavailable"
"""Reason for which a file was not looked at: the process that reads it does not start."""


class FileFlaw(StrEnum):
    """Faults of a file."""

    TYPE_NOT_ALLOWED = "file_type_not_allowed"
    TOO_LARGE = "file_too_large"
    POLYGLOT = "file_polyglot"
    """It is, or may be, two things at once."""
    BROKEN = "file_broken"
    """It begins as the declared kind and cannot be read as that."""
    ENCRYPTED = "file_encrypted"
    NOT_DECRYPTED = "file_not_decrypted"
    """It is an OpenPGP message, broken or for another key than ours."""
    ACTIVE_CONTENT = "file_active_content"
    DECODE_LIMIT = "file_decode_limit"
    """To read it would take more memory, time, pixels or pages than any proof needs."""


class FileRefused(Exception):
    """A file is not taken; the message is the reason's code and holds nothing of the file."""

    def __init__(self, refusal: FileFlaw) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


def refused(refusal: FileFlaw) -> Check:
    """Return the check that says so."""
    return Check.failed(FILE, refusal.value)
