"""Passwords that are asked for."""

from pathlib import Path

import typer

from shared.errors import ConfigurationError


def asked_password(question: str, missing: str) -> str:
    """
    Return the password that is entered at the terminal, even where standard input is a file.

    Raises ConfigurationError with the message *missing* if there is no terminal.
    """
    if not has_console():
        raise ConfigurationError(missing)
    return str(typer.prompt(question, hide_input=True, err=True))


def has_console() -> bool:
    """Return whether there is a terminal."""
    try:
        Path("/dev/tty").open("rb").close()
    except OSError:
        return False
    return True
