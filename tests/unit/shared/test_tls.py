"""Causes of failed connections, in words without addresses or passwords."""

import os
import socket
import ssl
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.runtime.tls import cause_of, trust


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "at amqps://habeas:password@broker.example.com")
    error.verify_message = "certificate has expired"
    return error


def wrapped(cause: BaseException) -> BaseException:
    """Return what a driver raises from *cause*."""
    error = RuntimeError("amqps://habeas:password@broker.example.com")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (untrusted(), "its certificate is not trusted: certificate has expired"),
        (ssl.SSLError(1, "broker.example.com"), "TLS failed: no reason"),
        (TimeoutError("broker.example.com"), "no answer in time"),
        (ConnectionResetError("broker.example.com"), "connection reset by peer"),
        (ConnectionRefusedError(111, "broker.example.com"), "connection refused"),
        (socket.gaierror(-2, "broker.example.com"), "the name of its host is not known"),
        (ValueError("broker.example.com"), "RuntimeError"),
    ],
)
def test_cause_is_found_below_the_error_of_a_driver(error: BaseException, words: str) -> None:
    assert cause_of(wrapped(error)) == words


def test_cause_among_the_arguments_is_found() -> None:
    assert cause_of(OSError(untrusted())) == "its certificate is not trusted: certificate has expired"


def test_missing_file_of_authorities_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"HABEAS_TRUSTED_CA: cannot read .*none\.pem"):
        trust(tmp_path / "none.pem")


def test_empty_file_of_authorities_names_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "as it was")
    file = tmp_path / "empty.pem"
    file.touch()
    trust(file)
    assert os.environ["SSL_CERT_FILE"] == "as it was"
