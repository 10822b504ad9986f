"""Broad nets for errors: around handlers and their effects; :class:`ErrorNet` in the listed modules."""

import ast
import asyncio
import re

import pytest

from shared.errors import ErrorNet, HabeasError, StoreUnavailable, TransientError, reason_of
from tests.unit.test_names import modules

NETS = {
    "habeas.cli.start",  # a forged row must not end upkeep
    "habeas.embedded.verification",  # nor `habeas up`
    "services.fulfillment.breach.scope_job",  # an error in one breach must not end the process
    "services.intake.channels.email.inbox",  # nor one mail block the others
    "services.intake.channels.email.service",
    "services.intake.http.callbacks",  # nor one receiver
    "services.verifier.documents.files.opener",  # decoders raise any error on hostile bytes
    "services.verifier.documents.worker.fork_server",  # nor loading them end the worker without a reason
    "shared.mail.mime_parts",  # so does the library for mail
    "shared.runtime.dataloader",  # passes it on to the caller
    "shared.runtime.worker",  # the loop of everything that polls
}
"""Modules that may catch every error."""


BROAD = re.compile(r"except(?: |\*|\()*(?::|.*Exception\b)|BaseException")
"""Text of modules with a handler that may keep every error: only these are parsed."""


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Return whether *handler* keeps every error; one that raises them again only tidies up."""
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else set()
    )
    if names & {"Exception"} or handler.type is None:
        return True
    return "BaseException" in names and not isinstance(handler.body[-1], ast.Raise)


@pytest.mark.slow
def test_every_error_is_caught_around_handlers_and_their_effects_alone() -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in modules().items()}
    broad = [
        name
        for name, text in texts.items()
        if BROAD.search(text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert broad == ["shared.runtime.service"] * 2


def test_error_nets_are_used_by_the_listed_modules_alone() -> None:
    users = {name for name, path in modules().items() if "ErrorNet(" in path.read_text(encoding="utf-8")}
    assert users == NETS


def test_net_keeps_the_error_of_its_block() -> None:
    with ErrorNet() as net:
        raise KeyError("a")
    assert isinstance(net.error, KeyError)


def test_net_without_an_error_is_empty() -> None:
    with ErrorNet() as net:
        pass
    assert net.error is None


def test_listed_errors_pass_the_net() -> None:
    with pytest.raises(StoreUnavailable), ErrorNet(TransientError):
        raise StoreUnavailable("down")


async def test_cancellation_passes_the_net() -> None:
    async def work() -> None:
        with ErrorNet():
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_reason_of_foreign_errors_is_their_class() -> None:
    assert reason_of(HabeasError("case 1 is open")) == "case 1 is open"
    assert reason_of(ValueError("person@example.org")) == "ValueError"
