import io
import json

import pytest

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.package.verification import verify_package
from shared.runtime.signatures import PublicKey
from tests.unit.fulfillment.sample_records import SIGNER, contents, packed, repacked, unpacked

PACKAGE = packed(contents())
FILES = unpacked(PACKAGE)
OTHER = CertificateSigner(b"o" * 32)


def test_one_master_key_gives_one_signing_key_and_another_gives_another() -> None:
    assert CertificateSigner(b"m" * 32).public_key == SIGNER.public_key
    assert OTHER.public_key != SIGNER.public_key


def test_a_signature_holds_for_its_content_and_its_key_alone() -> None:
    signature = SIGNER.sign(b"content")
    assert SIGNER.public_key.accepts(signature, b"content")
    assert not SIGNER.public_key.accepts(signature, b"Content")
    assert not OTHER.public_key.accepts(signature, b"content")
    assert not SIGNER.public_key.accepts(b"", b"content")


def test_a_public_key_survives_its_pem_form() -> None:
    assert PublicKey.of_pem(SIGNER.public_key.pem) == SIGNER.public_key


@pytest.mark.parametrize(
    "pem", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_invalid_public_key_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match="not a public key"):
        PublicKey.of_pem(pem)


def test_a_package_as_built_is_in_order() -> None:
    report = verify_package(io.BytesIO(PACKAGE))
    assert report.ok
    assert not report.trusted
    assert (report.request_id, report.files, report.records) == ("r-1", 6, 1)
    assert report.fingerprint == SIGNER.public_key.fingerprint


def test_a_package_is_trusted_only_with_the_key_that_signed_it() -> None:
    assert verify_package(io.BytesIO(PACKAGE), issuer=SIGNER.public_key.fingerprint).trusted
    report = verify_package(io.BytesIO(PACKAGE), issuer=OTHER.public_key.fingerprint)
    assert not report.trusted
    assert not report.ok


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_in_any_file_is_found(name: str) -> None:
    changed = bytearray(FILES[name])
    changed[len(changed) // 2] ^= 1
    assert not verify_package(repacked({**FILES, name: bytes(changed)}.items())).ok


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(name: str) -> None:
    rest = [(key, value) for key, value in FILES.items() if key != name]
    report = verify_package(repacked(rest))
    assert any(problem.startswith(name) for problem in report.problems)


@pytest.mark.parametrize("name", ["extra.txt", "../evil", "data/x\x1b[31m.json"])
def test_an_added_file_is_found_and_named_without_tricks(name: str) -> None:
    report = verify_package(repacked([*FILES.items(), (name, b"x")]))
    assert not report.ok
    assert all(problem.isprintable() for problem in report.problems)


def test_a_file_that_is_there_twice_is_found() -> None:
    target = repacked(FILES.items())
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = repacked([("index.html", b"what some programs show"), *FILES.items()])
    assert verify_package(target).ok
    assert not verify_package(twice).ok


def test_a_count_that_the_records_do_not_bear_out_is_found() -> None:
    manifest = json.loads(FILES["manifest.json"])
    manifest["records"]["data/default.customers.json"] = 2
    forged = json.dumps(manifest).encode()
    files = {**FILES, "manifest.json": forged, "manifest.json.sig": SIGNER.sign(forged)}
    assert verify_package(repacked(files.items())).problems == (
        "data/default.customers.json: does not hold 2 records",
    )


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b'{"format":"habeas-package/1"}', b"[" * 100_000])
def test_a_manifest_that_is_none_is_a_problem_and_no_exception(manifest: bytes) -> None:
    files = {**FILES, "manifest.json": manifest, "manifest.json.sig": SIGNER.sign(manifest)}
    assert not verify_package(repacked(files.items())).ok


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", PACKAGE[:-40], PACKAGE[200:]])
def test_invalid_package_is_a_problem_and_no_exception(content: bytes) -> None:
    assert not verify_package(io.BytesIO(content)).ok


@pytest.mark.slow
def test_no_damaged_byte_makes_the_check_fail_with_an_exception() -> None:
    for position in range(0, len(PACKAGE), 37):
        damaged = bytearray(PACKAGE)
        damaged[position] ^= 0xFF
        verify_package(io.BytesIO(bytes(damaged)), issuer=SIGNER.public_key.fingerprint)


@pytest.mark.slow
def test_a_bomb_is_not_unpacked() -> None:
    files = {**FILES, "index.html": FILES["index.html"] + b"0" * 50_000_000}
    report = verify_package(repacked(files.items()))
    assert report.problems == ("index.html: longer than the manifest says",)
