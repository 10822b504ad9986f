"""Verbs about what people were given."""

from pathlib import Path

import typer

from habeas.cli.options import existing, out

packages = typer.Typer(help="Packages that people download.", no_args_is_help=True)
certificates = typer.Typer(help="Certificates of erasure.", no_args_is_help=True)


@packages.command("verify")
def verify_package(file: Path) -> None:
    """Check a package: every hash, every count, the signature."""
    from services.fulfillment.package.verification import verify_package as verify  # noqa: PLC0415

    report = verify(existing(file))
    out.print("\n".join(report.problems) or f"unchanged since it was signed by key {report.fingerprint}")
    raise typer.Exit(0 if report.ok else 1)


@certificates.command("verify")
def verify_certificate(file: Path) -> None:
    """Check a certificate of erasure: its form and its signature."""
    from services.fulfillment.certificate import verify_certificate as verify  # noqa: PLC0415

    report = verify(existing(file).read_bytes())
    out.print("\n".join(report.problems) or f"unchanged since it was signed by key {report.fingerprint}")
    raise typer.Exit(0 if report.ok else 1)
