"""
OpenPGP certificates, and encryption to them (RFC 9580), by Sequoia.

Streams are encrypted in a process of their own: the library's functions hold the interpreter's lock until
they return. Nothing is written to disk.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import pysequoia

import shared
from shared.errors import ConfigurationError, TransientError

PROGRAM: Final = (sys.executable, "-P", "-s", "-m", "shared.runtime.openpgp")
BLOCK_BYTES = 1 << 18
FINGERPRINTS = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
"""Fingerprints of certificates of version 4 and 6, in small letters."""


class EncryptionFailed(TransientError):
    """The process that encrypts ended without a result."""


@dataclass(frozen=True, slots=True)
class OpenPgpCertificate:
    """A certificate that is encrypted to, with the fingerprint that its owner confirmed."""

    file: Path
    fingerprint: str
    revoked: bool = False
    expires_at: datetime | None = None
    content: bytes = field(default=b"", repr=False)

    @classmethod
    def read(cls, file: Path, fingerprint: str) -> "OpenPgpCertificate":
        """
        Return the certificate in *file*.

        Raises:
            ConfigurationError: It cannot be read, has another fingerprint, or cannot be encrypted to.
        """
        try:
            found = pysequoia.Cert.from_file(str(file))
            pysequoia.encrypt(b"", recipients=[found])
        except (OSError, RuntimeError, ValueError):
            raise ConfigurationError(f"{file} holds no OpenPGP certificate for encryption") from None
        if found.fingerprint != fingerprint:
            raise ConfigurationError(f"{file} has the fingerprint {found.fingerprint}, not {fingerprint}")
        return cls(file, fingerprint, found.is_revoked, found.expiration, bytes(found))

    def usable(self, at: datetime) -> bool:
        """Return whether data may be encrypted to it: the library would use revoked and expired keys."""
        return not self.revoked and (self.expires_at is None or at < self.expires_at)

    def encrypted(self, content: bytes) -> bytes:
        """Return a short *content* as a message that only the holder of the private key can read."""
        certificate = pysequoia.Cert.from_bytes(self.content)
        return bytes(pysequoia.encrypt(content, recipients=[certificate], armor=False))


async def encrypted(content: AsyncIterator[bytes], to: OpenPgpCertificate) -> AsyncGenerator[bytes]:
    """
    Yield *content* as an OpenPGP message, in constant memory.

    Raises:
        EncryptionFailed: The process ended without a result.
    """
    process = _started("encrypt", str(to.file), to.fingerprint)
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101 - same
    feeding = asyncio.create_task(_feed(process.stdin, content))
    try:
        while block := await asyncio.to_thread(process.stdout.read, BLOCK_BYTES):
            yield block
        await feeding
        if await asyncio.to_thread(process.wait):
            raise EncryptionFailed("the content could not be encrypted")
    finally:
        process.kill()
        feeding.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await feeding
        process.stdout.close()
        await asyncio.to_thread(process.wait)


def _started(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the process: with the place of our code, and nothing else of our environment."""
    root = str(Path(shared.__file__).parent.parent)
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": root}
    return subprocess.Popen(  # noqa: S603 - our own program
        (*PROGRAM, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


async def _feed(pipe: IO[bytes], content: AsyncIterator[bytes]) -> None:
    """Write *content* to *pipe*. A failure ends the stream of the result, too, before its last block."""
    try:
        async for piece in content:
            await asyncio.to_thread(pipe.write, piece)
    except BrokenPipeError:
        raise EncryptionFailed("the process that encrypts ended early") from None
    finally:
        with suppress(BrokenPipeError):
            await asyncio.to_thread(pipe.close)


def main(file: str, fingerprint: str) -> int:
    """Encrypt standard input to the certificate in *file*, if it has *fingerprint*."""
    certificate = pysequoia.Cert.from_file(file)
    if certificate.fingerprint != fingerprint:
        return 1
    pysequoia.encrypt_file("/dev/stdin", "/dev/stdout", recipients=[certificate], armor=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[2:]))
