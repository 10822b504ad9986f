"""Verbs about the keys of an installation."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habeas.cli.options import STATE, State, out, prefix_of, run, setting, signer
from shared.runtime.accounts import ACCOUNTS, TOPOLOGY

if TYPE_CHECKING:
    from habeas.client.master_keys import MasterKeys
    from shared.runtime.vault import Rewrapped

app = typer.Typer(help="Keys of the installation.", no_args_is_help=True)


@app.callback()
def _keys() -> None:
    """Keys of the installation."""


@app.command()
def show(state: State = STATE) -> None:
    """Print the fingerprint and the public key that verify packages and certificates; publish both."""
    key = signer(state).public_key
    out.print(f"fingerprint {key.fingerprint}", markup=False)
    out.print(key.pem.decode(), markup=False, end="")


@app.command()
def issue(state: State = STATE) -> None:
    """
    Write the key ring of each account, from the master keys in the folder `keys` of HABEAS_CREDENTIALS.

    A process gets only the keys of its work; none gets a master key.
    """
    from habeas.client import master_keys  # noqa: PLC0415  each verb loads only what it needs

    credentials = Path(setting("CREDENTIALS", state))
    master_keys.issue(master_keys.load(credentials), credentials)
    out.print(f"{len(ACCOUNTS)} key rings are written")


@app.command()
def rotate(
    keep: Annotated[int, typer.Option("--keep", help="Days until the current master key is destroyed.")] = 7,
    state: State = STATE,
) -> None:
    """
    Replace the master key: issue new key rings and wrap the keys of all cases anew, while services run.

    Until the old key is destroyed (`habeas keys retire`), both are valid.
    """
    from habeas.client import master_keys  # noqa: PLC0415

    credentials = Path(setting("CREDENTIALS", state))
    keys = master_keys.load(credentials).rotated(datetime.now(UTC), timedelta(days=keep))
    master_keys.save(keys, credentials)
    master_keys.issue(keys, credentials)
    done = run(_wrap_anew(keys, state))
    out.print(f"the keys of {done.anew} cases are wrapped anew; the old master key goes in {keep} days")
    _warn(done)


@app.command()
def retire(state: State = STATE) -> None:
    """Destroy expired master keys after rewrapping the remaining case keys; for a daily job."""
    from habeas.client import master_keys  # noqa: PLC0415

    credentials = Path(setting("CREDENTIALS", state))
    keys = master_keys.load(credentials)
    left = keys.without_overdue(datetime.now(UTC))
    master_keys.issue(keys, credentials)  # a rotation that was interrupted may not have issued them
    done = run(_wrap_anew(keys, state))
    if left != keys:
        master_keys.save(left, credentials)
        master_keys.issue(left, credentials)
    gone = len(keys.older) - len(left.older)
    out.print(f"{gone} master keys are destroyed; the keys of {done.anew} cases were wrapped anew")
    _warn(done)


def _warn(done: "Rewrapped") -> None:
    if done.unopened:
        out.print(f"the keys of {done.unopened} cases do not open: they are from before an earlier rotation")


async def _wrap_anew(keys: "MasterKeys", state: Path) -> "Rewrapped":
    from shared.runtime.mongo import connect  # noqa: PLC0415
    from shared.runtime.vault import wrap_anew  # noqa: PLC0415

    client = connect(setting("MONGO_URL", state, TOPOLOGY), app_name="habeas keys")
    try:
        return await wrap_anew(client, prefix_of(state), {one: keys.ring(one) for one in ACCOUNTS})
    finally:
        client.close()
