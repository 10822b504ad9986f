"""Verbs about staff accounts, for the operator; and the signing of decisions."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.table import Table

from habeas.cli.options import (
    STATE,
    AsJson,
    State,
    existing,
    out,
    prefix_of,
    root_key,
    run,
    setting,
    settings,
)
from shared.contract.events import Decision, StaffRole
from shared.contract.events.breaches import BreachDeclared
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.staff import DecisionSigner, Enrolment
    from shared.contract.staff import StaffAccount
    from shared.runtime.staff_register import StaffRegister

app = typer.Typer(no_args_is_help=True, help="Staff accounts: the people who may decide, and their roles.")

D = TypeVar("D", Decision, BreachDeclared)
NAME = re.compile(r"[a-z0-9_.]{1,60}")
Name = Annotated[str, typer.Argument(help="Name of the account: a-z, 0-9, _ and dots.")]
Roles = Annotated[list[StaffRole], typer.Option("--role", help="Role; may be repeated.")]
DisplayName = Annotated[str, typer.Option("--name", help="Name of the person or program.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File with the person's own password; one is drawn where none is given.")
]
As = Annotated[str | None, typer.Option("--as", help="Your staff account.", envvar="HABEAS_STAFF_ACCOUNT")]
OneTimeCode = Annotated[
    str | None, typer.Option("--code", help="Code that your second factor shows; asked for where not given.")
]


@app.command()
def add(
    name: Name,
    role: Roles,
    mailbox: Annotated[
        list[str],
        typer.Option(
            help="Mailbox of the person: they cannot decide requests that name it; may be repeated."
        ),
    ],
    display_name: DisplayName = "",
    password_file: PasswordFile = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Make an account; prints its password and the secret of its second factor, once."""
    from habeas.client import staff  # noqa: PLC0415

    if not NAME.fullmatch(name):
        raise ConfigurationError("the name of an account is written with a-z, 0-9, _ and dots: dana.muster")

    async def work() -> "Enrolment":
        async with _opened(state) as register:
            made = staff.AccountHolder(name, display_name, tuple(role), tuple(mailbox))
            return await staff.add(register, made, _password(password_file))

    _show(run(work()), as_json=as_json)


@app.command("add-program")
def add_program(name: Name, role: Roles, display_name: DisplayName = "", state: State = STATE) -> None:
    """Make the account of a program that decides without a person; prints its key, once."""
    from habeas.client import staff  # noqa: PLC0415

    if not NAME.fullmatch(name):
        raise ConfigurationError("the name of an account is written with a-z, 0-9, _ and dots: fides.bridge")

    async def work() -> str:
        async with _opened(state) as register:
            return await staff.add_program(register, staff.AccountHolder(name, display_name, tuple(role)))

    out.print(run(work()), markup=False)


@app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List all accounts with their roles."""

    async def work() -> "list[StaffAccount]":
        async with _opened(state) as register:
            return [account async for account in register.accounts()]

    found = [_plain(account) for account in run(work())]
    if as_json:
        print(json.dumps(found))
        return
    table = Table("account", "name", "roles", "second factor", "status")
    for row in found:
        status = "disabled" if row["disabled"] else "active"
        table.add_row(
            row["account"],
            row["name"],
            ", ".join(row["roles"]),
            "yes" if row["second_factor"] else "no",
            status,
        )
    out.print(table if found else "there are no staff accounts")


@app.command()
def disable(name: Name, state: State = STATE) -> None:
    """Disable an account: every decision that it signs is refused, also one that is on its way."""
    from habeas.client import staff  # noqa: PLC0415

    async def work() -> None:
        async with _opened(state) as register:
            await staff.disable(register, name)

    run(work())
    out.print(f"{name} is disabled; `habeas staff reset` enables it")


@app.command()
def reset(
    name: Name, password_file: PasswordFile = None, state: State = STATE, as_json: AsJson = False
) -> None:
    """Give an account a new password and second factor, and enable it; prints them, once."""
    from habeas.client import staff  # noqa: PLC0415

    async def work() -> "Enrolment":
        async with _opened(state) as register:
            return await staff.reset(register, name, _password(password_file))

    _show(run(work()), as_json=as_json)


def signer_of(account: str | None, code: str | None, state: Path) -> "DecisionSigner":
    """Return the signer of this verb's decision. Raises ConfigurationError if no account is named."""
    from habeas.client.staff import DecisionSigner  # noqa: PLC0415

    if account is None:
        raise ConfigurationError("name the deciding staff account: --as, or HABEAS_STAFF_ACCOUNT")
    known = settings(state)
    url = known.get("HABEAS_URL") or known.get("HABEAS_PUBLIC_URL", "")
    return DecisionSigner(url.rstrip("/"), account, known.get("HABEAS_STAFF_PASSWORD", ""), code or "")


def decide(signer: "DecisionSigner", decision: D, text: bytes | None = None) -> tuple[str, str]:
    """
    Sign *decision* and have it take effect; return the ids of the event and the case.

    A missing password or code is asked for. Raises ConfigurationError if it was refused, or took no effect in
    time.
    """
    from habeas.client import staff  # noqa: PLC0415

    if not signer.url:
        raise ConfigurationError("HABEAS_URL is not set: the public address of intake")
    password = signer.password or typer.prompt("Password", hide_input=True, err=True)
    code = signer.code or typer.prompt("Code that your authenticator shows", err=True)
    return run(staff.decide(replace(signer, password=password, code=code), decision, text))


def _plain(account: "StaffAccount") -> dict[str, Any]:
    return {
        "account": account.name,
        "name": account.display_name,
        "roles": sorted(account.roles),
        "second_factor": bool(account.second_factor),
        "disabled": account.disabled,
    }


def _show(enrolment: "Enrolment", *, as_json: bool) -> None:
    if as_json:
        secrets = {"password": enrolment.password, "authenticator": enrolment.uri}
        print(json.dumps({"account": enrolment.account.name} | secrets))
        return
    out.print(f"account        {enrolment.account.name}", markup=False)
    out.print(f"password       {enrolment.password}", markup=False)
    out.print(f"authenticator  {enrolment.uri}", markup=False)
    out.print("Hand both over in person: they are shown once and kept nowhere.")


def _password(file: Path | None) -> str | None:
    return None if file is None else existing(file).read_text(encoding="utf-8").strip()


@asynccontextmanager
async def _opened(state: Path) -> "AsyncIterator[StaffRegister]":
    from habeas.client import staff  # noqa: PLC0415

    master_key = root_key(state)
    async with staff.opened(setting("MONGO_URL", state), prefix_of(state), master_key) as register:
        yield register
