"""Parts of other systems' messages: the model that they share, and types of fields. Pure."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, StrictStr, StringConstraints


class ReceivedPart(BaseModel):
    """A part of a message; unknown fields are ignored, and errors hold no values."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def unless_blank(value: object) -> object:
    """Return *value*; None if it is blank text."""
    return None if isinstance(value, str) and not value.strip() else value


CallbackUrl: TypeAlias = Annotated[StrictStr, StringConstraints(pattern=r"^https?://", max_length=2_000)]
"""The channel checks it further: HTTP is for this machine alone."""
