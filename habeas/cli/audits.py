"""Verbs that verify the journals."""

from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.options import STATE, AsJson, State, out, prefix_of, root_key, run, setting
from shared.contract.topology import COMMAND

app = typer.Typer(help="Verify the journals: tampering is detected.", no_args_is_help=True)


@app.command()
def verify(
    request_id: Annotated[
        str | None, typer.Argument(help="Id of the request; all cases if not given.")
    ] = None,
    dump: Annotated[
        Path | None, typer.Option(help="Read a folder that mongodump wrote, not the database.")
    ] = None,
    heads: Annotated[
        Path | None, typer.Option(help="Folder of heads that the verb `audit heads` wrote.")
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Verify each row against the chain of its case and the signed heads; exit 1 if one does not fit."""
    from habeas.client import audit  # noqa: PLC0415
    from shared.runtime.mongo import connect  # noqa: PLC0415

    key, prefix = root_key(state), prefix_of(state)

    async def work() -> audit.AuditReport:
        if dump is not None:
            return await audit.verify(audit.DumpedRows(dump, prefix), key, case=request_id, kept=heads)
        client = connect(setting("MONGO_URL", state), app_name="habeas-audit")
        try:
            return await audit.verify(audit.StoredRows(client, prefix), key, case=request_id, kept=heads)
        finally:
            client.close()

    report = run(work())
    print(audit.json_of(report) if as_json else audit.text_of(report))
    raise typer.Exit(1 if report.findings else 0)


@app.command("heads")
def write_heads(
    folder: Annotated[Path, typer.Option("--out", help="Where copies of the signed heads are written.")],
    state: State = STATE,
) -> None:
    """Copy the signed heads of all journals to a folder, to be kept where the database cannot be written."""
    copy_heads(folder, state)


def copy_heads(folder: Path, state: Path, account: str = COMMAND) -> None:
    """Copy the signed heads to *folder*, as *account* can read them."""
    from habeas.client import audit  # noqa: PLC0415
    from shared.runtime.mongo import connect  # noqa: PLC0415

    async def work() -> int:
        client = connect(setting("MONGO_URL", state, account), app_name="habeas-audit")
        try:
            stored = audit.StoredRows(client, prefix_of(state))
            return sum([audit.write_heads(folder, name, await stored.heads(name)) for name in audit.JOURNALS])
        finally:
            client.close()

    out.print(f"{run(work())} new heads in {folder}", markup=False)
