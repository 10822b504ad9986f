"""
TLS connections of this process: the authorities that they trust, and why a connection failed.

Drivers of broker, database, mail server and HTTP trust the file that ``SSL_CERT_FILE`` names, as OpenSSL
documents it. Private authorities are written into such a file beside the public ones.
"""

import atexit
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi

from shared.errors import ConfigurationError

VARIABLE = "HABEAS_TRUSTED_CA"
TRUSTED = "SSL_CERT_FILE"


def trust(file: Path) -> None:
    """
    Trust the authorities in *file* (PEM) beside the public ones, in each TLS connection opened from now on.

    An empty file names none.

    Raises:
        ConfigurationError: The file cannot be read, or holds no certificate.
    """
    try:
        own = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{VARIABLE}: cannot read {file} ({error.strerror})") from None
    if not own:
        return
    try:
        ssl.create_default_context(cadata=own.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(f"{VARIABLE}: {file} holds no certificate (PEM)") from None
    public = Path(os.environ.get(TRUSTED) or certifi.where()).read_bytes()
    with tempfile.NamedTemporaryFile(prefix="habeas-trusted-", suffix=".pem", delete=False) as bundle:
        bundle.write(public + b"\n" + own)
    atexit.register(Path(bundle.name).unlink, missing_ok=True)
    os.environ[TRUSTED] = bundle.name


def client_context() -> ssl.SSLContext:
    """Return the TLS context of a client that reads nothing from its environment."""
    return ssl.create_default_context(cafile=os.environ.get(TRUSTED) or certifi.where())


def cause_of(error: BaseException) -> str:
    """
    Return why a connection failed, in words without the address: TLS, the system, else the class of *error*.

    A driver wraps the cause; its own texts may hold a password.
    """
    causes = list(_causes(error))
    found = (words(one) for kind, words in WORDS for one in reversed(causes) if isinstance(one, kind))
    return next(filter(None, found), type(error).__name__)


def _of_system(error: OSError) -> str:
    """Return the words of the system, which name no host; empty where a driver has words of its own."""
    if error.errno is None:
        return ""
    return os.strerror(error.errno).lower() if error.errno > 0 else "the name of its host is not known"


def _reason(error: ssl.SSLError) -> str:
    return (getattr(error, "reason", None) or "no reason").replace("_", " ").lower()


WORDS: tuple[tuple[type[BaseException], Callable[[Any], str]], ...] = (
    (ssl.SSLCertVerificationError, lambda error: f"its certificate is not trusted: {error.verify_message}"),
    (ssl.SSLError, lambda error: f"TLS failed: {_reason(error)}"),
    (TimeoutError, lambda _: "no answer in time"),
    (ConnectionResetError, lambda _: "connection reset by peer"),
    (OSError, _of_system),
)
"""Classes of causes, the most telling first, and what is said of each."""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what it came from, the innermost last; some drivers name it in their arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        named = [each for each in one.args if isinstance(each, BaseException)]
        waiting += [each for each in (one.__cause__, one.__context__, *named) if each is not None]
