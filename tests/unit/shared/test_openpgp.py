"""OpenPGP: which certificates are taken, and messages in constant memory."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest
from pysequoia import Cert, Tsk, encrypt

from shared.errors import ConfigurationError
from shared.runtime.openpgp import (
    EncryptionFailed,
    NotDecrypted,
    OpenPgpCertificate,
    TooMuchContent,
    decrypted,
    encrypted,
    is_private_key,
)
from tests.openpgp_keys import ReceiverKey

MEGABYTE = bytes(1_000_000)


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield MEGABYTE


async def message(count: int, to: OpenPgpCertificate) -> bytes:
    return b"".join([block async for block in encrypted(pieces(count), to)])


@pytest.mark.slow
async def test_message_is_read_by_the_holder_of_the_key_alone(tmp_path: Path) -> None:
    key = ReceiverKey()
    sent = await message(3, key.certificate(tmp_path))
    assert key.opened(sent) == 3 * MEGABYTE
    with pytest.raises(RuntimeError):
        ReceiverKey().opened(sent)


@pytest.mark.slow
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


@pytest.mark.slow
async def test_content_that_fails_midway_gives_no_whole_message(tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield MEGABYTE
        raise KeyError("package")

    with pytest.raises(KeyError):
        async for _ in encrypted(failing(), ReceiverKey().certificate(tmp_path)):
            pass


@pytest.mark.slow
async def test_certificate_that_was_replaced_after_the_start_is_not_used(tmp_path: Path) -> None:
    certificate = ReceiverKey().certificate(tmp_path)
    certificate.file.write_text(str(ReceiverKey().pair.extract_certificate()))
    with pytest.raises(EncryptionFailed):
        await message(1, certificate)


@pytest.mark.slow
async def test_content_of_a_message_is_limited_after_decryption() -> None:
    key = ReceiverKey()
    message, private = key.sealed(3 * MEGABYTE), str(key.pair).encode()
    assert await decrypted(message, private, 3 * len(MEGABYTE)) == 3 * MEGABYTE
    with pytest.raises(TooMuchContent):
        await decrypted(message, private, 3 * len(MEGABYTE) - 1)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG makes the bomb")
async def test_decompression_bomb_is_refused(tmp_path: Path) -> None:
    key, home, bomb = ReceiverKey(), tmp_path / "home", tmp_path / "bomb"
    home.mkdir(mode=0o700)
    command = ("gpg", "--homedir", home, "--batch", "--no-autostart", "--trust-model", "always")
    what = ("--compress-algo", "zlib", "--recipient-file", key.file(tmp_path), "--output", bomb, "--encrypt")
    zeros = b"".join([MEGABYTE] * 20)
    subprocess.run([*command, *what], input=zeros, check=True, timeout=60, capture_output=True)  # noqa: ASYNC221, S603
    message = bomb.read_bytes()
    assert len(message) < len(MEGABYTE) / 10
    with pytest.raises(TooMuchContent):
        await decrypted(message, str(key.pair).encode(), len(MEGABYTE))


@pytest.mark.slow
async def test_message_with_session_keys_without_end_takes_little_time() -> None:
    key = ReceiverKey()
    message = bytes(encrypt(b"", recipients=[key.pair.extract_certificate()], armor=False))
    end = 2 + message[1]  # the first packet is a session key, of less than 192 bytes
    broken = message[: end - 3] + bytes((message[end - 3] ^ 1,)) + message[end - 2 : end]
    flood = broken * (9_000_000 // end) + message
    before = getrusage(RUSAGE_CHILDREN).ru_utime
    with pytest.raises(TooMuchContent):
        await decrypted(flood, str(key.pair).encode(), len(MEGABYTE), cpu_s=1)
    assert getrusage(RUSAGE_CHILDREN).ru_utime - before < 2


@pytest.mark.slow
def test_memory_of_the_process_with_the_key_is_not_readable() -> None:
    pr_get_dumpable = 3
    code = (
        "import contextlib, ctypes, os\n"
        "from shared.runtime.openpgp import decrypt\n"
        "reading, writing = os.pipe()\n"
        "os.close(writing)\n"
        "with contextlib.suppress(Exception):\n"
        "    decrypt(str(reading), '5')\n"
        f"print(ctypes.CDLL(None).prctl({pr_get_dumpable}, 0, 0, 0, 0))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == b"0"


@pytest.mark.slow
@pytest.mark.parametrize("flaw", ["another key", "cut", "altered", "no message", "empty"])
async def test_message_that_cannot_be_decrypted_is_refused(flaw: str) -> None:
    key = ReceiverKey()
    whole = encrypt(MEGABYTE, recipients=[key.pair.extract_certificate()], armor=False)
    messages = {
        "another key": ReceiverKey().sealed(MEGABYTE),
        "cut": whole[:-40],
        "altered": whole[:-200] + bytes(100) + whole[-100:],
        "no message": b"-----BEGIN PGP MESSAGE-----\n",
        "empty": b"",
    }
    with pytest.raises(NotDecrypted):
        await decrypted(messages[flaw], str(key.pair).encode(), 2 * len(MEGABYTE))


@pytest.mark.slow
def test_certificate_as_text_holds_no_private_key(tmp_path: Path) -> None:
    key = ReceiverKey()
    (tmp_path / "pair.asc").write_text(str(key.pair))
    assert "PRIVATE" in str(key.pair)
    assert "PRIVATE" not in OpenPgpCertificate.read(tmp_path / "pair.asc").armored
    assert is_private_key(str(key.pair).encode())
    assert not is_private_key(str(key.pair.extract_certificate()).encode())


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
