"""Verbs about packages and certificates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habeas.cli.erasures import open_erasure_records
from habeas.cli.options import STATE, State, case_of, existing, out, run

if TYPE_CHECKING:
    from services.fulfillment.certificate.document import CertificateReport
    from services.fulfillment.package.verification import PackageReport

Issuer = Annotated[
    str | None,
    typer.Option(help="The issuer's key: its fingerprint, or a file with it or with the public key (PEM)."),
]

packages = typer.Typer(help="Packages that people download.", no_args_is_help=True)
certificates = typer.Typer(help="Certificates of erasure.", no_args_is_help=True)


@packages.command("verify")
def verify_package(file: Path, issuer: Issuer = None) -> None:
    """Check a package: the issuer, every hash, every count, the signature."""
    from services.fulfillment.package.verification import verify_package as verify  # noqa: PLC0415

    _conclude(verify(existing(file), issuer=_fingerprint(issuer)))


@certificates.command("verify")
def verify_certificate(file: Path, issuer: Issuer = None) -> None:
    """Check a certificate of erasure: the issuer, its form, its signature. Needs no network."""
    from services.fulfillment.certificate.document import verify_certificate as verify  # noqa: PLC0415

    _conclude(verify(existing(file).read_bytes(), issuer=_fingerprint(issuer)))


def _fingerprint(issuer: str | None) -> str | None:
    from habeas.client import certificates  # noqa: PLC0415

    return None if issuer is None else certificates.issuer_of(issuer)


def _conclude(report: "PackageReport | CertificateReport") -> None:
    """Print *report*; exit 0 only if the file is unchanged and its issuer is known."""
    lines = list(report.problems)
    if report.ok and not report.trusted:
        lines.append(
            f"unknown key {report.fingerprint}: compare it with the issuer's, then name it with --issuer"
        )
    out.print("\n".join(lines) or f"unchanged since it was signed by key {report.fingerprint}", markup=False)
    raise typer.Exit(0 if report.trusted and report.ok else 1)


@certificates.command("fetch")
def fetch_certificate(
    request_id: Annotated[
        str, typer.Argument(help="Id of the request, or the number printed by `habeas erase`.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path(),
    language: Annotated[str, typer.Option(help="Language of the page: en, de …")] = "en",
    state: State = STATE,
) -> None:
    """Write a certificate of erasure: the signed JSON file, and a page to read."""
    from habeas.client import certificates  # noqa: PLC0415

    async def work() -> bytes:
        async with open_erasure_records(state) as memory:
            kept = await memory.certificates.of(request_id)
        if kept is not None:
            return kept
        async with case_of(request_id, state) as case:
            return await case.certificate()

    path = folder / f"certificate-{request_id}.json"
    certificates.write(run(work()), path, language)
    out.print(str(path))
