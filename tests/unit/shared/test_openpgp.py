"""OpenPGP: which certificates are taken, and messages in constant memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pysequoia import Cert, Tsk

from shared.errors import ConfigurationError
from shared.runtime.openpgp import EncryptionFailed, OpenPgpCertificate, encrypted
from tests.openpgp_keys import ReceiverKey

MEGABYTE = bytes(1_000_000)


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield MEGABYTE


async def message(count: int, to: OpenPgpCertificate) -> bytes:
    return b"".join([block async for block in encrypted(pieces(count), to)])


async def test_message_is_read_by_the_holder_of_the_key_alone(tmp_path: Path) -> None:
    key = ReceiverKey()
    sent = await message(3, key.certificate(tmp_path))
    assert key.opened(sent) == 3 * MEGABYTE
    with pytest.raises(RuntimeError):
        ReceiverKey().opened(sent)


async def test_message_flows_through_in_constant_memory(tmp_path: Path) -> None:
    fed = received = most = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal fed
        async for piece in pieces(60):
            yield piece
            fed += len(piece)

    async for block in encrypted(content(), ReceiverKey().certificate(tmp_path)):
        received += len(block)
        most = max(most, fed - received)
    assert received > 60 * len(MEGABYTE)
    assert most < 8 * len(MEGABYTE), "content that is neither fed nor received is in memory"


async def test_content_that_fails_midway_gives_no_whole_message(tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield MEGABYTE
        raise KeyError("package")

    with pytest.raises(KeyError):
        async for _ in encrypted(failing(), ReceiverKey().certificate(tmp_path)):
            pass


async def test_certificate_that_was_replaced_after_the_start_is_not_used(tmp_path: Path) -> None:
    certificate = ReceiverKey().certificate(tmp_path)
    certificate.file.write_text(str(ReceiverKey().pair.extract_certificate()))
    with pytest.raises(EncryptionFailed):
        await message(1, certificate)


def test_certificate_with_another_fingerprint_is_rejected(tmp_path: Path) -> None:
    key = ReceiverKey()
    with pytest.raises(ConfigurationError, match=key.fingerprint):
        OpenPgpCertificate.read(key.file(tmp_path), "0" * 40)


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_file_without_certificate_is_rejected(tmp_path: Path, content: str) -> None:
    (tmp_path / "file.asc").write_text(content)
    with pytest.raises(ConfigurationError, match="no OpenPGP certificate"):
        OpenPgpCertificate.read(tmp_path / "file.asc", "0" * 40)


def test_revoked_and_expired_certificates_are_not_usable(tmp_path: Path) -> None:
    key, file = ReceiverKey(), tmp_path / "file.asc"
    certificate = key.pair.extract_certificate()
    file.write_bytes(bytes(certificate) + bytes(certificate.revoke(key.pair.certifier())))
    assert Cert.from_file(str(file)).is_revoked
    revoked = OpenPgpCertificate.read(file, key.fingerprint)
    short = Tsk.generate("Import", validity_seconds=3600).extract_certificate()
    file.write_text(str(short))
    expired = OpenPgpCertificate.read(file, short.fingerprint)
    assert expired.expires_at is not None
    assert not expired.usable(expired.expires_at)
    assert not revoked.usable(expired.expires_at)
    assert key.certificate(tmp_path).usable(expired.expires_at)
