"""Verbs about the keys of an installation."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, output, run
from shared.contract.topology import COMMAND
from shared.runtime.accounts import TOPOLOGY

if TYPE_CHECKING:
    from habeas.client.master_keys import MasterKeys
    from shared.runtime.key_rings import KeyRing

RINGS_ISSUED = "key rings are issued; run `habeas keys retire` once services have them"

app = typer.Typer()


@app.command()
def show(state: State = STATE, as_json: AsJson = False) -> None:
    """Print the fingerprint and the public key that verify packages and certificates; publish both."""
    key = state.signer().public_key
    pem = key.pem.decode()
    plain = {"fingerprint": key.fingerprint, "public_key": pem}
    output(plain, f"fingerprint {key.fingerprint}\n{pem}".rstrip(), as_json=as_json)


@app.command()
def references(
    source: Annotated[str, Argument(help="CloudEvents source of the system: shop.example.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the key that a system computes the keyed form of its references with; give it to that system."""
    from shared.contract.correlation import reference_key  # noqa: PLC0415
    from shared.runtime.key_rings import derived_key  # noqa: PLC0415

    key = reference_key(source, key=derived_key(state.root_key(), "request ids")).hex()
    output({"source": source, "key": key}, key, as_json=as_json)


@app.command()
def issue(state: State = STATE, as_json: AsJson = False) -> None:
    """
    Write the key ring of each account, from the master keys in the folder `keys` of HABEAS_CREDENTIALS.

    A process gets only the keys of its work; none gets a master key.
    """
    credentials = Path(state.setting("CREDENTIALS"))
    with client.master_keys.locked(credentials):
        client.master_keys.issue(client.master_keys.load(credentials), credentials)
    output(
        {"key_rings": len(client.master_keys.KEYED)},
        f"{len(client.master_keys.KEYED)} key rings are written",
        as_json=as_json,
    )


@app.command()
def rotate(
    keep: Annotated[int, Option("--keep", help="Days until the current master key is destroyed.")] = 7,
    rings_only: Annotated[
        bool,
        Option(
            "--rings-only",
            help="Leave the keys of cases to `habeas keys retire`, where services get key rings later.",
        ),
    ] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Replace the master key: issue new key rings and wrap the keys of all cases anew, while services run.

    Until the old key is destroyed (`habeas keys retire`), both are valid.
    """
    credentials = Path(state.setting("CREDENTIALS"))
    with client.master_keys.locked(credentials):
        keys = client.master_keys.load(credentials).rotated(datetime.now(UTC), timedelta(days=keep))
        client.master_keys.save(keys, credentials)
        client.master_keys.issue(keys, credentials)
        anew, unopened = (0, 0) if rings_only else run(_wrap_anew(keys, state))
    done = RINGS_ISSUED if rings_only else f"the keys of {anew} requests are wrapped anew"
    text = f"{done}; the old master key is destroyed in {keep} days"
    output({"wrapped": anew, "unopened": unopened, "days": keep}, text + _warning(unopened), as_json=as_json)


@app.command()
def retire(state: State = STATE, as_json: AsJson = False) -> None:
    """
    Destroy expired master keys after rewrapping the remaining case keys; for a daily job.

    Ends with 1 if the keys of a case do not open.
    """
    plain, text = retired(state)
    output(plain, text, as_json=as_json)
    raise typer.Exit(1 if plain["unopened"] else 0)


@app.command()
def passwords(
    accounts: Annotated[list[str], Argument(help="Accounts of HABEAS_CREDENTIALS: intake, notifier, …")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Write new passwords for accounts of broker and database; `habeas topology` then sets them.

    A running process keeps its connections, and takes the new password when it is started again.
    """
    credentials = Path(state.setting("CREDENTIALS"))
    renewed = {account: client.accounts.renew_passwords(credentials, account) for account in accounts}
    text = "\n".join(f"{account}: {' and '.join(files)} renewed" for account, files in renewed.items())
    following = "next: habeas topology, then start each account's process again; or start `habeas up` again"
    output(renewed, f"{text}\n{following}", as_json=as_json)


def retired(state: State) -> tuple[dict[str, int], str]:
    """Destroy expired master keys; return the numbers of keys, and a text about them."""
    credentials, master_keys = Path(state.setting("CREDENTIALS")), client.master_keys
    with master_keys.locked(credentials):
        keys = master_keys.load(credentials)
        overdue = keys.overdue(datetime.now(UTC))
        master_keys.issue(keys, credentials)  # a rotation that was interrupted may not have issued them
        anew, unopened = run(_wrap_anew(keys, state))
        if overdue:
            # Read again: where the folder cannot be locked for all hosts, a rotation may have added a key.
            left = master_keys.load(credentials).without(overdue)
            master_keys.save(left, credentials)
            master_keys.issue(left, credentials)
    text = f"{len(overdue)} master keys are destroyed; the keys of {anew} requests were wrapped anew"
    plain = {"destroyed": len(overdue), "wrapped": anew, "unopened": unopened}
    return plain, text + _warning(unopened)


def key_ring(state: State) -> "KeyRing":
    """Return the key ring of the command, from the master keys: it verifies the journals."""
    return client.master_keys.load(Path(state.setting("CREDENTIALS"))).ring(COMMAND)


def _warning(unopened: int) -> str:
    """Return a further line if keys do not open; else an empty text."""
    why = "they are from before an earlier rotation"
    return f"\nthe keys of {unopened} requests do not open: {why}" if unopened else ""


async def _wrap_anew(keys: "MasterKeys", state: State) -> tuple[int, int]:
    """Return the numbers of cases with keys wrapped anew, and with keys that do not open."""
    from shared.runtime.mongo import connect  # noqa: PLC0415
    from shared.runtime.vault import wrap_anew  # noqa: PLC0415

    with closing(connect(state.setting("MONGO_URL", TOPOLOGY), app_name="habeas keys")) as mongo:
        done = await wrap_anew(mongo, state.prefix, {one: keys.ring(one) for one in client.master_keys.KEYED})
    return done.anew, done.unopened
