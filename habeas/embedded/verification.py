"""Verification of the journals of ``habeas up``, whose results the console shows."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from habeas.client import audit
from habeas.embedded.installation import Installation
from shared.errors import ErrorNet, reason_of
from shared.runtime.mongo import connect

A_DAY_S: Final = 86_400


async def verify_daily(installation: Installation, out: Console) -> None:
    """Verify the journals of *installation* now and each day; print the rows that do not fit."""
    while True:
        with ErrorNet() as net:  # what an attacker stored may not end the installation
            report = await recorded_verification(installation)
            if report.findings:
                out.print(f"  wrong      rows of the journals do not fit:\n{audit.text_of(report)}")
        if net.error is not None:
            out.print(f"  journals   {reason_of(net.error)}; the next verification is in a day")
        await asyncio.sleep(A_DAY_S)


async def recorded_verification(installation: Installation) -> audit.AuditReport:
    """Verify the journals and record the result; raises StoreUnavailable and ConfigurationError."""
    prefix = installation.database_prefix
    with closing(connect(installation.stack.mongo_url, app_name="habeas-audit")) as mongo:
        report = await audit.verify(audit.StoredRows(mongo, prefix), installation.root_key())
        await audit.record(mongo, prefix, report, datetime.now(UTC))
    return report
