"""Settings of the examiner alone."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.verifier.settings import VerifierSettings


class ExaminerSettings(VerifierSettings):
    """Settings of the examiner."""

    bill_age: timedelta = Field(default=timedelta(days=90), gt=timedelta())
    """How old a bill may be that proves an address."""

    models: Path | None = None
    """Folder of the models that read machine-readable zones; `.tools/models` if not set."""

    antivirus: str = Field(default="", pattern=r"^$|^[^:\s]+:[0-9]{1,5}$")
    """Where ClamAV's daemon listens, `host:port`; empty: files are not scanned."""

    examination_timeout: timedelta = Field(default=timedelta(seconds=45), gt=timedelta())
    """How long one document may be examined."""
