"""Verbs that verify journals, packages and certificates."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.erasures import open_erasure_records
from habeas.cli.options import (
    STATE,
    AnyRequestId,
    AsJson,
    State,
    existing,
    from_console,
    output,
    request_of,
    run,
)
from habeas.cli.staff import OneTimeCode, Reason, in_opened
from shared.contract.references import short_reference
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.audit import AuditReport
    from shared.runtime.key_rings import RootKey
    from shared.runtime.mongo import Client
    from shared.runtime.signatures import SignatureReport

TRAILS = "intake"
"""Service that signs trails, with the key of its heads."""

app = typer.Typer()
packages = typer.Typer()
certificates = typer.Typer()

Issuer = Annotated[
    str | None,
    Option(help="The issuer's key: its fingerprint, or a file with it or with the public key (PEM)."),
]


@app.command()
def verify(
    request_id: AnyRequestId = None,
    dump: Annotated[Path | None, Option(help="Read a folder that mongodump wrote, not the database.")] = None,
    heads: Annotated[Path | None, Option(help="Folder of heads that the verb `audit heads` wrote.")] = None,
    record: Annotated[bool, Option("--record", help="Show the result in the console.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Verify each row against the chain of its request and the signed heads; exit 1 if one does not fit."""
    if record and (dump or request_id):
        raise ConfigurationError("--record: needs a verification of all journals in the database")
    key, prefix, audit = state.root_key(), state.prefix, client.audit
    if heads is not None:
        audit.require_heads(heads)
    if dump is not None:
        audit.require_journals(dump, prefix)

    async def work() -> "AuditReport":
        if dump is not None:
            return await audit.verify(audit.DumpedRows(dump, prefix), key, case=request_id, kept=heads)
        with _connection(state) as mongo:
            rows = audit.StoredRows(mongo, prefix)
            report = await audit.verify(rows, key, case=request_id, kept=heads)
            if record:
                await audit.record(mongo, prefix, report, datetime.now(UTC))
            return report

    report = run(work())
    print(audit.json_of(report) if as_json else audit.text_of(report))
    raise typer.Exit(1 if report.findings else 0)


@app.command("heads")
def write_heads(
    folder: Annotated[Path, Option("--out", help="Where copies of the signed heads are written.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Copy the signed heads of all journals to a folder, to be kept where the database cannot be written."""
    copied = copy_heads(folder, state)
    output({"heads": copied}, f"{copied} new heads in {folder}", as_json=as_json)


def copy_heads(folder: Path, state: State, account: str = COMMAND) -> int:
    """Copy the signed heads to *folder*, as *account* can read them; return the number of new ones."""
    audit = client.audit

    async def work() -> int:
        with _connection(state, account) as mongo:
            stored = audit.StoredRows(mongo, state.prefix)
            return sum([audit.write_heads(folder, name, await stored.heads(name)) for name in audit.JOURNALS])

    return run(work())


def verify_journals(folder: Path, state: State, keys: "RootKey", account: str) -> "AuditReport":
    """Verify the journals with the heads in *folder*, as *account* reads them, and record the result."""
    audit = client.audit

    async def work() -> "AuditReport":
        with _connection(state, account) as mongo:
            now = datetime.now(UTC)
            report = await audit.verify_daily(audit.StoredRows(mongo, state.prefix), keys, folder, now)
            await audit.record(mongo, state.prefix, report, now)
            return report

    return run(work())


@app.command("trail")
def export_trail(
    request_id: Annotated[str, Argument(help="Request (id, its beginning, HB-…).", callback=request_of)],
    folder: Annotated[Path, Option("--out", help="Folder to write to.")] = Path(),
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Write the trail of a request for an authority: JSON and PDF, signed. The export is recorded."""
    path = f"/cases/{request_id}/trail"
    archive = from_console(state, lambda console: console.answer("POST", path)).content
    name = f"trail-{short_reference(request_id)}.zip"
    [file] = client.private_files.write_files({name: archive}, folder)
    output({"file": str(file)}, str(file), as_json=as_json)


@app.command("verify-trail")
def verify_trail(file: Path, issuer: Issuer = None, as_json: AsJson = False) -> None:
    """Check the trail of a request: the issuer, its files, the signature. Needs no network."""
    from services.intake.trail.archive import verify_trail as verify  # noqa: PLC0415

    _conclude(verify(existing(file).read_bytes(), issuer=_fingerprint(issuer)), as_json=as_json)


@app.command("key")
def show_trail_key(state: State = STATE, as_json: AsJson = False) -> None:
    """Print the fingerprint and the public key that verify trails; publish both."""
    from shared.runtime.audit_keys import heads_key  # noqa: PLC0415
    from shared.runtime.signatures import PublicKey  # noqa: PLC0415

    key = PublicKey(heads_key(state.root_key(), TRAILS).public_key().public_bytes_raw())
    pem = key.pem.decode()
    plain = {"fingerprint": key.fingerprint, "public_key": pem}
    output(plain, f"fingerprint {key.fingerprint}\n{pem}".rstrip(), as_json=as_json)


def _connection(state: State, account: str = COMMAND) -> "closing[Client]":
    from shared.runtime.mongo import connect  # noqa: PLC0415

    return closing(connect(state.setting("MONGO_URL", account), app_name="habeas-audit"))


@packages.command("verify")
def verify_package(file: Path, issuer: Issuer = None, as_json: AsJson = False) -> None:
    """Check a package: the issuer, every hash, every count, the signature."""
    from services.fulfillment.package.verification import verify_package as verify  # noqa: PLC0415

    _conclude(verify(existing(file), issuer=_fingerprint(issuer)), as_json=as_json)


@certificates.command("verify")
def verify_certificate(file: Path, issuer: Issuer = None, as_json: AsJson = False) -> None:
    """Check a certificate of erasure: the issuer, its form, its signature. Needs no network."""
    from services.fulfillment.certificate.document import verify_certificate as verify  # noqa: PLC0415

    _conclude(verify(existing(file).read_bytes(), issuer=_fingerprint(issuer)), as_json=as_json)


def _fingerprint(issuer: str | None) -> str | None:
    return None if issuer is None else client.certificates.issuer_of(issuer)


def _conclude(report: "SignatureReport", *, as_json: bool) -> None:
    """Print *report*; exit 0 only if the file is unchanged and its issuer is known."""
    lines = list(report.problems)
    if report.ok and not report.trusted:
        remedy = "compare it with the issuer's, then name it with --issuer"
        lines.append(f"unknown key {report.fingerprint}: {remedy}")
    known = {"unchanged": report.ok, "known_issuer": report.trusted, "key": report.fingerprint}
    text = "\n".join(lines) or f"unchanged since it was signed by key {report.fingerprint}"
    output(known | {"problems": lines}, text, as_json=as_json)
    raise typer.Exit(0 if report.trusted and report.ok else 1)


async def _of_operator(number: str, state: State) -> bytes | None:
    """Return the certificate with this *number*; None if there is none, such as of a request."""
    async with open_erasure_records(state) as memory:
        return await memory.certificates.of(number)


@certificates.command("fetch")
def fetch_certificate(
    request_id: Annotated[
        str,
        Argument(
            help="Request (id, its beginning, HB-…), or the number of `habeas erase`.", callback=request_of
        ),
    ],
    folder: Annotated[Path, Option("--out", help="Folder to write to.")] = Path(),
    language: Annotated[str, Option(help="Language of the page: en, de …")] = "en",
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Write a certificate of erasure: the signed JSON file, and a page to read.

    That of a request is read at the console, on record. That of the verb `erase` or of a purge is read by its
    number, with the operator's credentials.
    """
    file = run(_of_operator(request_id, state)) if state.has_databases else None
    if file is None:
        file = in_opened(state, request_id, reason, code, lambda opened: opened.certificate())
    located = state.databases() if state.has_databases else None
    data_map = run(client.certificates.map_of(file, *located)) if located else None
    path = folder / f"certificate-{request_id}.json"
    client.certificates.write(file, path, language, data_map)
    output({"file": str(path)}, str(path), as_json=as_json)
