"""Decisions of a staff account, which the console signs in its session with a one-time code."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from habeas.client.console_api import ConsoleClient, ConsoleLogin
from shared.contract.events import Decision
from shared.contract.events.breaches import BreachDeclared, IncidentDecision
from shared.contract.staff import StaffDecision
from shared.errors import Unanswered

PATH = "/decisions"
PENDING = "pending"
UNANSWERED = (
    "the decision is recorded, and no service has answered it yet; `habeas decision %s` shows its result"
)


@dataclass(frozen=True, slots=True)
class DecisionSigner:
    """The account of a session at the console, and its one-time code; empty to ask for it."""

    login: ConsoleLogin
    code: str = field(default="", repr=False)

    @property
    def account(self) -> str:
        """The name of the account."""
        return self.login.account


@dataclass(frozen=True, slots=True)
class DecisionEffect:
    """An accepted decision: the id of its event, its case, and the types of the events that it caused."""

    id: str
    case: str
    fact: StaffDecision
    results: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        about_incident = isinstance(self.fact, BreachDeclared | IncidentDecision)
        name = "incident" if about_incident else "request"
        results = list(self.results)
        return {"decision": self.id, name: self.case, "status": "accepted", "results": results}


@dataclass(frozen=True, slots=True)
class BatchedEffect:
    """Effect of a decision of a batch: accepted, refused with a reason, or pending without an answer."""

    fact: Decision
    status: str
    reason: str | None = None
    id: str | None = None
    results: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        shown = {"decision": self.id, "request": self.fact.request_id, "status": self.status}
        return shown | {"reason": self.reason, "results": list(self.results)}


async def decide(
    signer: DecisionSigner, decision: StaffDecision, text: bytes | None = None, package: bytes | None = None
) -> DecisionEffect:
    """
    Have the console sign *decision*, wait for its effect and return it.

    *text* is a salted text that goes with it; the decision names it by ``written_item(text)``. So is
    *package*, a ZIP, by ``packed_item(package)``.

    Raises:
        ConfigurationError: It was refused; the message has the reason.
        Unanswered: No service has answered in time.
    """
    form = _form(signer, [_entry(decision, text)])
    async with ConsoleClient.opened(signer.login.console, signer.login.token) as console:
        if package is None:
            answer = await console.answer("POST", PATH, json=form)
        else:
            content = json.dumps(form).encode() + b"\n" + package
            answer = await console.answer("POST", f"{PATH}/package", content=content)
    [made] = answer.json()
    if made["status"] == PENDING:
        raise Unanswered(UNANSWERED % made["decision"])
    return DecisionEffect(made["decision"], made["case"], decision, tuple(made["results"]))


async def decide_in_room(
    signer: DecisionSigner, decision: IncidentDecision, name: str, **fields: str
) -> DecisionEffect:
    """
    Have the console make *decision*, by the form *name* of its breach room; return its effect.

    Raises as :func:`decide`.
    """
    incident = decision.request_id
    form = {"code": signer.code, "fields": fields}
    async with ConsoleClient.opened(signer.login.console, signer.login.token) as console:
        made = await console.call("POST", f"/incidents/{incident}/decisions/{name}", json=form)
        if made["pending"]:
            raise Unanswered(UNANSWERED % made["decision"])
        found = await result(console, made["decision"])
    return DecisionEffect(made["decision"], incident, decision, tuple(found["results"]))


async def decide_batch(signer: DecisionSigner, decisions: Sequence[Decision]) -> list[BatchedEffect]:
    """
    Have the console sign at most ``MOST_BATCHED`` *decisions* with one code; return their effects, in order.

    Raises ConfigurationError if none of them was made.
    """
    form = _form(signer, [_entry(one) for one in decisions])
    async with ConsoleClient.opened(signer.login.console, signer.login.token) as console:
        answers = (await console.answer("POST", PATH, json=form)).json()
    return [
        BatchedEffect(decision, one["status"], one["reason"], one["decision"], tuple(one["results"]))
        for decision, one in zip(decisions, answers, strict=True)
    ]


async def result(console: ConsoleClient, id_: str) -> dict[str, Any]:
    """Return status and results of the decision *id_*."""
    return await console.get(f"{PATH}/{id_}")


def _form(signer: DecisionSigner, decisions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"code": signer.code, "decisions": decisions}


def _entry(decision: StaffDecision, text: bytes | None = None) -> dict[str, Any]:
    """Return *decision* as the console takes it; the account is that of the session."""
    data = decision.model_dump(mode="json", exclude={"by"}, exclude_defaults=True)
    return {"type": decision.TYPE, "data": data, "text": text and base64.b64encode(text).decode()}
