"""Fees: values that laws and the company name."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class FeeReason(StrEnum):
    """The reason for a fee."""

    FURTHER_COPY = "further_copy"
    EXCESSIVE = "excessive"
    MANIFESTLY_UNFOUNDED = "manifestly_unfounded"
    EFFORT = "effort"
    """The answer takes out-of-the-way effort, where the law lets that be paid for."""
    TRANSCRIPTION = "transcription"


class Money(BaseModel):
    """An amount."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    amount: Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=2)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """ISO 4217: ``EUR``."""

    def __str__(self) -> str:
        """Return both as they are written: ``12.50 EUR``."""
        return f"{self.amount:.2f} {self.currency}"


@dataclass(frozen=True, slots=True)
class GivenCopies:
    """Copies that a person was given within twelve months."""

    total: int = 0
    same: int = 0
    """Those of them with the content of a copy now."""
