"""Verification of the journals of ``habeas up``, whose results the console shows."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from habeas.client import audit
from habeas.embedded.installation import Installation
from shared.errors import HabeasError
from shared.runtime.mongo import connect

A_DAY_S: Final = 86_400


async def verify_daily(installation: Installation, out: Console) -> None:
    """Verify the journals of *installation* now and each day; print the rows that do not fit."""
    while True:
        try:
            report = await recorded_verification(installation)
            if report.findings:
                out.print(f"  wrong      rows of the journals do not fit:\n{audit.text_of(report)}")
        except HabeasError as error:
            out.print(f"  journals   {error}; the next verification is in a day")
        await asyncio.sleep(A_DAY_S)


async def recorded_verification(installation: Installation) -> audit.AuditReport:
    """Verify the journals and record the result; raises StoreUnavailable and ConfigurationError."""
    prefix = installation.database_prefix
    with closing(connect(installation.stack.mongo_url, app_name="habeas-audit")) as mongo:
        report = await audit.verify(audit.StoredRows(mongo, prefix), installation.root_key())
        await audit.record(mongo, prefix, report, datetime.now(UTC))
    return report
