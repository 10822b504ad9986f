"""Verbs about staff accounts, for the operator; and decisions of an account in its session."""

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.table import Table
from typer import Argument, Option

from habeas.cli import client, contract
from habeas.cli.options import (
    STATE,
    AsJson,
    State,
    ask,
    existing,
    from_console,
    listed,
    out,
    output,
    prompted,
    run,
)
from shared.errors import ConfigurationError
from shared.vocabulary import StaffRole

if TYPE_CHECKING:
    from habeas.client.decisions import DecisionEffect, DecisionSigner
    from habeas.client.opened_cases import ContentOpening
    from habeas.client.opened_incidents import IncidentOpening
    from habeas.client.staff import Enrolment
    from shared.contract.events import Decision
    from shared.contract.staff import StaffAccount, StaffDecision
    from shared.runtime.staff_register import StaffRegister

app = typer.Typer()
decision_app = typer.Typer()

NO_CONSOLE = "HABEAS_STAFF_PASSWORD_FILE is missing: without a terminal, it names the file with the password"
T = TypeVar("T")
K = TypeVar("K", bound="Decision")
RECORDED = "recorded; another account has to decide the same"
"""Text for the first of two decisions."""
DECIDE = "Decide"
"""Panel of the verbs that decide, in the help of a group."""
NAME = re.compile(r"[a-z0-9_.]{1,60}")
Name = Annotated[str, Argument(help="Name of the account: a-z, 0-9, _ and dots.")]
Roles = Annotated[list[StaffRole], Option("--role", help="Role; may be repeated.")]
DisplayName = Annotated[str, Option("--name", help="Name of the person or program.")]
PasswordFile = Annotated[
    Path | None, Option(help="File with the person's own password; one is drawn where none is given.")
]
As = Annotated[str | None, Option("--as", help="Your staff account.", envvar="HABEAS_STAFF_ACCOUNT")]
OneTimeCode = Annotated[
    str | None, Option("--code", help="Code that your second factor shows; asked for where not given.")
]
Reason = Annotated[str, Option(help="Why it is read, for the record: review, forwarding or complaint.")]
Remark = Annotated[
    str | None, Option(help="Your reason in words, for the staff: sealed before anything is published.")
]
Mailboxes = Annotated[
    list[str],
    Option(help="Mailbox of the person: they cannot decide requests that name it; may be repeated."),
]


@app.command()
def add(
    name: Name,
    role: Roles,
    mailbox: Mailboxes,
    display_name: DisplayName = "",
    password_file: PasswordFile = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Make an account; prints its password and the secret of its second factor, once."""
    _check_name(name, "dana.muster")
    made = client.staff.AccountHolder(name, display_name, tuple(role), tuple(mailbox))
    password = _password(password_file)
    _show(ask(_opened(state), lambda accounts: client.staff.add(accounts, made, password)), as_json=as_json)


@app.command("add-program")
def add_program(
    name: Name, role: Roles, display_name: DisplayName = "", state: State = STATE, as_json: AsJson = False
) -> None:
    """Make the account of a program that decides without a person; prints its key, once."""
    _check_name(name, "fides.bridge")
    made = client.staff.AccountHolder(name, display_name, tuple(role))
    key = ask(_opened(state), lambda accounts: client.staff.add_program(accounts, made))
    output({"account": name, "key": key}, key, as_json=as_json)


@app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List all accounts with their roles."""
    found = ask(_opened(state), lambda accounts: listed(accounts.accounts()))
    if as_json:
        print(json.dumps(list(map(_plain, found))))
        return
    table = Table("account", "name", "roles", "second factor", "status")
    for row in map(_plain, found):
        factor, status = "yes" if row["second_factor"] else "no", "disabled" if row["disabled"] else "active"
        table.add_row(row["account"], row["name"], ", ".join(row["roles"]), factor, status)
    out.print(table if found else "there are no staff accounts")


@app.command()
def disable(name: Name, state: State = STATE, as_json: AsJson = False) -> None:
    """Disable an account: every decision that it signs is refused, also one that is on its way."""
    ask(_opened(state), lambda accounts: client.staff.disable(accounts, name))
    text = f"{name} is disabled; `habeas staff reset` enables it"
    output({"account": name, "disabled": True}, text, as_json=as_json)


@app.command()
def reset(
    name: Name, password_file: PasswordFile = None, state: State = STATE, as_json: AsJson = False
) -> None:
    """Give an account a new password and second factor, and enable it; prints them, once."""
    password = _password(password_file)
    _show(ask(_opened(state), lambda accounts: client.staff.reset(accounts, name, password)), as_json=as_json)


@app.command()
def link(
    name: Name,
    subject: Annotated[
        str, Option(help="Claim `sub` of the person's tokens of HABEAS_OIDC_ISSUER; empty: none.")
    ],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Let an account sign in at the console through the provider of HABEAS_OIDC_ISSUER."""
    ask(_opened(state), lambda accounts: client.staff.link(accounts, name, subject))
    text = f"{name} signs in as {subject}" if subject else f"{name} does not sign in through the provider"
    output({"account": name, "subject": subject}, text, as_json=as_json)


def signer_of(code: str | None, state: State) -> "DecisionSigner":
    """Return the account of the session at the console, which signs this verb's decision with a *code*."""
    return client.decisions.DecisionSigner(state.login(), code or "")


def decide(
    signer: "DecisionSigner",
    kind: type[K],
    case: str,
    *,
    text: bytes | None = None,
    archive: bytes | None = None,
    remark: str | None = None,
    **words: Any,
) -> "DecisionEffect":
    """
    Sign a decision of *kind* about *case*, with *words*; return its effect, as :func:`send`.

    *archive* is the package that goes with it, *remark* the account's reason.

    Raises ConfigurationError if a word has a wrong form; others as :func:`send`.
    """
    if remark:
        text = with_salt(remark.encode())
        words["remark"] = contract.written_item(text)
    decision = client.requests.fact(kind, request_id=case, by=signer.account, **words)
    return send(signer, decision, text, archive)


def send(
    signer: "DecisionSigner",
    decision: "StaffDecision",
    text: bytes | None = None,
    package: bytes | None = None,
) -> "DecisionEffect":
    """
    Have *decision* signed and take effect; a missing code is asked for.

    Raises:
        ConfigurationError: It was refused, or there is no such request or incident.
        Unanswered: No service has answered in time.
    """
    return run(client.decisions.decide(complete(signer), decision, text, package))


def decide_in_room(
    signer: "DecisionSigner", kind: type[K], incident: str, name: str, words: Mapping[str, Any], **fields: str
) -> "DecisionEffect":
    """
    Make a decision of *kind* with *words* by the form *name* of the breach room, with its other *fields*.

    Raises as :func:`decide`.
    """
    decision: Any = client.requests.fact(kind, request_id=incident, by=signer.account, **words)
    entered = {field: str(value) for field, value in words.items()} | fields
    return run(client.decisions.decide_in_room(complete(signer), decision, name, **entered))


def decide_batch(
    signer: "DecisionSigner",
    kind: type[K],
    cases: Sequence[str],
    done: str,
    recorded: str,
    *,
    as_json: bool,
    **words: Any,
) -> None:
    """
    Sign decisions of *kind* about *cases* with one code, and print the effect of each.

    It is *done*, or *recorded* if it has caused no event, or refused.

    Exits 2 if one was refused, 3 if no service has answered one in time.
    """
    if len(cases) > contract.MOST_BATCHED:
        raise ConfigurationError(f"one code makes {contract.MOST_BATCHED} decisions at most")
    facts = [client.requests.fact(kind, request_id=case, by=signer.account, **words) for case in cases]
    decide_all(signer, facts, done, recorded, as_json=as_json)


def decide_all(
    signer: "DecisionSigner",
    facts: "Sequence[Decision]",
    done: str,
    recorded: str,
    *,
    as_json: bool,
    rest: str = "",
) -> None:
    """Sign *facts* with one code, and print the effect of each, as :func:`decide_batch`; then the *rest*."""
    effects = run(client.decisions.decide_batch(complete(signer), facts))
    if as_json:
        print(json.dumps([effect.plain() for effect in effects]))
    else:
        for effect in effects:
            shown = client.console_api.explained(effect.reason) if effect.reason else effect.status
            accepted = done if effect.results else recorded
            out.print(f"{effect.fact.request_id}: {accepted if effect.status == 'accepted' else shown}")
        if rest:
            out.print(rest)
    found = {effect.status for effect in effects}
    if found != {"accepted"}:
        raise typer.Exit(2 if "refused" in found else 3)


def complete(signer: "DecisionSigner") -> "DecisionSigner":
    """Return *signer* with a code, asked for where it is missing."""
    return signer if signer.code else replace(signer, code=asked_code())


def asked_code() -> str:
    """Return the one-time code from the terminal."""
    return prompted("--code", "Code that your authenticator shows")


def in_opened(
    state: State,
    case: str,
    reason: str,
    code: str | None,
    question: "Callable[[ContentOpening], Awaitable[T]]",
) -> T:
    """Return the answer to *question* about the content of *case*, opened on record for a *reason*."""
    opening = client.opened_cases.ContentOpening
    return from_console(
        state, lambda console: question(opening(console, case, reason, lambda: code or asked_code()))
    )


def in_opened_incident(
    state: State, incident: str, code: str | None, question: "Callable[[IncidentOpening], Awaitable[T]]"
) -> T:
    """Return the answer to *question* about the content of *incident*, which it opens on record."""
    opening = client.opened_incidents.IncidentOpening
    return from_console(
        state, lambda console: question(opening(console, incident, lambda: code or asked_code()))
    )


def report(effect: "DecisionEffect", done: str, recorded: str | None = None, *, as_json: bool) -> None:
    """Print *effect*: as *done*, or as *recorded* if that is given and the decision has caused no event."""
    if as_json:
        print(json.dumps(effect.plain()))
    else:
        out.print(done if effect.results or recorded is None else recorded)


@decision_app.command()
def decision(
    number: Annotated[str, Argument(help="Id of the decision, as its verb has printed it.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the result of a decision: exits 2 if it was refused, 3 if no service has answered yet."""
    found = from_console(state, lambda console: client.decisions.result(console, number))
    results = [result.removeprefix("habeas.").removesuffix(".v1") for result in found["results"]]
    if as_json:
        print(json.dumps(found))
    else:
        shown = client.console_api.explained(found["reason"]) if found["reason"] else found["status"]
        out.print(": ".join(filter(None, (shown, ", ".join(results)))))
    raise typer.Exit({"accepted": 0, "refused": 2}.get(found["status"], 3))


def sealed_text(file: Path) -> bytes:
    """Return the text in *file* with its salt. Raises ConfigurationError if it is not there, or no UTF-8."""
    text = existing(file).read_bytes()
    try:
        text.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is no UTF-8 text: save it as UTF-8") from None
    return with_salt(text)


def with_salt(text: bytes) -> bytes:
    """Return *text* after a random salt."""
    return contract.salted(text, secrets.token_bytes(contract.TEXT_SALT_BYTES))


def _check_name(name: str, example: str) -> None:
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"the name of an account is written with a-z, 0-9, _ and dots: {example}")


def _plain(account: "StaffAccount") -> dict[str, Any]:
    return {
        "account": account.name,
        "name": account.display_name,
        "roles": sorted(account.roles),
        "second_factor": bool(account.second_factor),
        "disabled": account.disabled,
        "subject": account.subject,
    }


def _show(enrolment: "Enrolment", *, as_json: bool) -> None:
    if as_json:
        secrets = {
            "password": enrolment.password,
            "authenticator": enrolment.uri,
            "recovery_codes": list(enrolment.recovery),
        }
        print(json.dumps({"account": enrolment.account.name} | secrets))
        return
    out.print(f"account        {enrolment.account.name}")
    out.print(f"password       {enrolment.password}")
    out.print(f"authenticator  {enrolment.uri}")
    for number, code in enumerate(enrolment.recovery):
        out.print(f"{'' if number else 'recovery codes':14} {code}")
    out.print("Hand all of it over in person: it is shown once and not stored.")


def _password(file: Path | None) -> str | None:
    return None if file is None else existing(file).read_text(encoding="utf-8").strip()


def _opened(state: State) -> "AbstractAsyncContextManager[StaffRegister]":
    return client.staff.opened(*state.sealed_databases())
