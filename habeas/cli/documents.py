"""Verbs about what people were given."""

from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.erasures import remembering
from habeas.cli.options import STATE, State, case_of, existing, out, run, signer

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
def verify_certificate(
    file: Path,
    key: Annotated[Path | None, typer.Option(help="The controller's public key (PEM).")] = None,
) -> None:
    """Check a certificate of erasure: its form and its signature. Needs no network and no installation."""
    from habeas import certificates  # noqa: PLC0415
    from services.fulfillment.certificate import verify_certificate as verify  # noqa: PLC0415

    trusted = None if key is None else certificates.public_key(existing(key))
    report = verify(existing(file).read_bytes(), key=trusted)
    signed = "the key that was given" if report.trusted else f"key {report.fingerprint}"
    out.print("\n".join(report.problems) or f"unchanged since it was signed by {signed}")
    raise typer.Exit(0 if report.ok else 1)


@certificates.command("fetch")
def fetch_certificate(
    request_id: Annotated[
        str, typer.Argument(help="Id of the request; or the number that `habeas erase` has printed.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Where it is written.")] = Path(),
    language: Annotated[str, typer.Option(help="Of the page: en, de …")] = "en",
    state: State = STATE,
) -> None:
    """Write a certificate of erasure: the signed JSON file, and a page to read."""
    from habeas import certificates  # noqa: PLC0415

    async def work() -> bytes:
        async with remembering(state) as memory:
            kept = await memory.certificates.of(request_id)
        if kept is not None:
            return kept
        async with case_of(request_id, state) as case:
            return await case.certificate()

    path = folder / f"certificate-{request_id}.json"
    certificates.write(run(work()), path, language)
    out.print(str(path))


@certificates.command("key")
def show_key(state: State = STATE) -> None:
    """Print the public key that packages and certificates are checked with, to be published."""
    print(signer(state).public_key.pem.decode(), end="")
