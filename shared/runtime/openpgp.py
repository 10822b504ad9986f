"""
OpenPGP certificates, encryption to them, and decryption (RFC 9580), by Sequoia.

Streams are processed in a process of their own: the library's functions hold the interpreter's lock until
they return. Nothing is written to disk.
"""

import asyncio
import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

import pysequoia

from shared.errors import ConfigurationError, TransientError
from shared.runtime import IMPORT_ROOT

PROGRAM: Final = (sys.executable, "-P", "-s", "-m", f"{__package__}.openpgp")
BLOCK_BYTES = 1 << 18
FINGERPRINTS = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
"""Fingerprints of certificates of version 4 and 6, in small letters."""

PIPE_BYTES = 1 << 16
"""The content of a pipe; a key is smaller."""
DECRYPTION_TIME = timedelta(seconds=30)
PR_SET_DUMPABLE = 4
DECRYPTION_CPU_S = 5
"""A message can hold 100,000 session keys that are tried; a document takes less than a second."""


class EncryptionFailed(TransientError):
    """The process that encrypts ended without a result."""


class NotDecrypted(Exception):
    """A message is broken, or for another key."""


class TooMuchContent(Exception):
    """A message has more content than is taken, or takes too long: it may be a decompression bomb."""


@dataclass(frozen=True, slots=True)
class OpenPgpCertificate:
    """A certificate that is encrypted to, with the fingerprint that its owner confirmed."""

    file: Path
    fingerprint: str
    revoked: bool = False
    expires_at: datetime | None = None
    content: bytes = field(default=b"", repr=False)

    @classmethod
    def read(cls, file: Path, fingerprint: str | None = None) -> "OpenPgpCertificate":
        """
        Return the certificate in *file*, which must have *fingerprint* if that is known.

        Raises:
            ConfigurationError: It cannot be read, has another fingerprint, or cannot be encrypted to.
        """
        try:
            found = pysequoia.Cert.from_file(str(file))
            pysequoia.encrypt(b"", recipients=[found])
        except (OSError, RuntimeError, ValueError):
            raise ConfigurationError(f"{file} holds no OpenPGP certificate for encryption") from None
        if fingerprint not in (None, found.fingerprint):
            raise ConfigurationError(f"{file} has the fingerprint {found.fingerprint}, not {fingerprint}")
        return cls(file, found.fingerprint, found.is_revoked, found.expiration, bytes(found))

    @property
    def armored(self) -> str:
        """The certificate as text, without any private key."""
        return str(pysequoia.Cert.from_bytes(self.content))

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


def is_private_key(key: bytes) -> bool:
    """Return whether *key* is an OpenPGP key that decrypts without a password."""
    try:
        pysequoia.Tsk.from_bytes(key).decryptor()
    except RuntimeError:
        return False
    return True


async def decrypted(message: bytes, key: bytes, most: int, *, cpu_s: int = DECRYPTION_CPU_S) -> bytes:
    """
    Return the content of *message*, of at *most* so many bytes, by the private *key*, in *cpu_s* at most.

    Raises:
        NotDecrypted: It is broken, or for another key.
        TooMuchContent: It has more content, or takes too long.
    """
    process = _decrypting(key, cpu_s)
    try:
        async with asyncio.timeout(DECRYPTION_TIME.total_seconds()):
            content = await _content(process, message, most)
    except TimeoutError:
        raise TooMuchContent("the message takes too long") from None
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
    if len(content) > most:
        raise TooMuchContent("the message has too much content")
    return content


def _decrypting(key: bytes, cpu_s: int) -> subprocess.Popen[bytes]:
    """Start the process that decrypts; *key* is in the pipe before: it is no argument, which others see."""
    reading, writing = os.pipe()
    try:
        os.write(writing, key[:PIPE_BYTES])
        return _started("decrypt", str(reading), str(cpu_s), passed=(reading,))
    finally:
        os.close(writing)
        os.close(reading)


async def _content(process: subprocess.Popen[bytes], message: bytes, most: int) -> bytes:
    """Return what *process* makes of *message*: one byte more than *most* at the most."""

    async def whole() -> AsyncIterator[bytes]:
        yield message

    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101 - same
    feeding = asyncio.create_task(_feed(process.stdin, whole()))
    try:
        content = await asyncio.to_thread(process.stdout.read, most + 1)
        if len(content) <= most and (code := await asyncio.to_thread(process.wait)):
            raise NotDecrypted if code > 0 else TooMuchContent("the message takes too long")
        return content
    finally:
        process.kill()
        with suppress(EncryptionFailed):
            await feeding
        process.stdout.close()


def _started(*arguments: str, passed: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start the process: with the place of our code, and nothing else of our environment."""
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(IMPORT_ROOT)}
    return subprocess.Popen(  # noqa: S603 - our own program
        (*PROGRAM, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        pass_fds=passed,
    )


async def _feed(pipe: IO[bytes], content: AsyncIterator[bytes]) -> None:
    """Write *content* to *pipe*. A failure ends the stream of the result, too, before its last block."""
    try:
        async for piece in content:
            await asyncio.to_thread(pipe.write, piece)
    except BrokenPipeError:
        raise EncryptionFailed("the process ended early") from None
    finally:
        with suppress(BrokenPipeError):
            await asyncio.to_thread(pipe.close)


def decrypt(descriptor: str, cpu_s: str) -> int:
    """Decrypt standard input by the private key that the *descriptor* yields; no other process reads it."""
    with suppress(OSError, AttributeError):  # not on Linux; a new program begins readable
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s), int(cpu_s)))
    with os.fdopen(int(descriptor), "rb") as file:
        key = pysequoia.Tsk.from_bytes(file.read())
    pysequoia.decrypt_file("/dev/stdin", "/dev/stdout", decryptor=key.decryptor())
    return 0


def encrypt(file: str, fingerprint: str) -> int:
    """Encrypt standard input to the certificate in *file*, if it has *fingerprint*."""
    certificate = pysequoia.Cert.from_file(file)
    if certificate.fingerprint != fingerprint:
        return 1
    pysequoia.encrypt_file("/dev/stdin", "/dev/stdout", recipients=[certificate], armor=False)
    return 0


if __name__ == "__main__":
    raise SystemExit({"decrypt": decrypt, "encrypt": encrypt}[sys.argv[1]](*sys.argv[2:]))
