"""Attacks on the proof that a package or a certificate gives: files that an attacker signed."""

import base64
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from habeas.cli import app
from services.fulfillment.certificate.document import issue
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.package.builder import build
from shared.errors import ConfigurationError
from tests.unit.fulfillment.sample_records import SIGNER, contents, packed
from tests.unit.fulfillment.test_certificate import CERTIFICATE

MASTER_KEY = base64.b64encode(b"m" * 32).decode()
ATTACKER = CertificateSigner(b"a" * 32)
ISSUER = SIGNER.public_key.fingerprint


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)), env={"HABEAS_MASTER_KEY": MASTER_KEY})


@pytest.fixture(params=["package", "certificate"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def genuine(kind: str, tmp_path: Path) -> Path:
    file = tmp_path / "genuine"
    file.write_bytes(packed(contents()) if kind == "package" else issue(CERTIFICATE, SIGNER))
    return file


@pytest.fixture
def forged(kind: str, tmp_path: Path) -> Path:
    file = tmp_path / "forged"
    file.write_bytes(
        b"".join(build(contents(), signer=ATTACKER)) if kind == "package" else issue(CERTIFICATE, ATTACKER)
    )
    return file


def test_file_of_unknown_issuer_is_not_accepted(kind: str, forged: Path) -> None:
    for options in ([], ["--issuer", ISSUER]):
        ended = run(kind, "verify", forged, *options)
        assert ended.exit_code == 1
        assert ended.stdout.startswith(f"unknown key {ATTACKER.public_key.fingerprint}")


def test_genuine_file_is_not_accepted_without_its_issuer(kind: str, genuine: Path) -> None:
    ended = run(kind, "verify", genuine)
    assert ended.exit_code == 1
    assert f"unknown key {ISSUER}" in ended.stdout


def test_key_that_is_shown_verifies_a_genuine_file(kind: str, genuine: Path, tmp_path: Path) -> None:
    shown = run("keys", "show").stdout
    assert ISSUER in shown
    spaced = " ".join(ISSUER[start : start + 4].upper() for start in range(0, 64, 4))
    files = {"shown": shown, "pem": SIGNER.public_key.pem.decode(), "print": f"{ISSUER}\n"}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="ascii")
    for named in (ISSUER, spaced, *(str(tmp_path / name) for name in files)):
        ended = run(kind, "verify", genuine, "--issuer", named)
        assert (ended.exit_code, ended.stdout) == (0, f"unchanged since it was signed by key {ISSUER}\n")


def test_genuine_file_with_a_changed_byte_is_not_accepted(kind: str, genuine: Path) -> None:
    content = bytearray(genuine.read_bytes())
    content[len(content) // 2] ^= 1
    genuine.write_bytes(content)
    assert run(kind, "verify", genuine, "--issuer", ISSUER).exit_code == 1


def test_issuer_that_is_neither_fingerprint_nor_key_is_an_error(
    kind: str, genuine: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").write_text("no key", encoding="ascii")
    for wrong in ("0" * 63, tmp_path / "none", tmp_path):
        ended = run(kind, "verify", genuine, "--issuer", wrong)
        assert isinstance(ended.exception, ConfigurationError)
