"""The laws of a case, and the provisions that its events applied."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from shared.contract import events
from shared.contract.events import Fact, RequestReceived
from shared.errors import ConfigurationError
from shared.law import Policy, ReasonCode, Right, TimedDuty
from shared.law.library import policies

CODES = frozenset(map(str, ReasonCode))


class LawOfTrail(BaseModel):
    """An edition of a law that protects the person."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    edition: date
    """The first day on which it is in force."""


class AppliedProvision(BaseModel):
    """A provision, and the edition of the law that it is of."""

    model_config = ConfigDict(frozen=True)

    law: str
    provision: str


def laws_of(received: RequestReceived) -> list[LawOfTrail]:
    """Return the laws of a request; the one that it is answered under is the first."""
    editions = (policies().named(law) for law in received.laws)
    return [LawOfTrail(id=one.id, name=one.name, edition=one.edition) for one in editions]


def applied_provisions(fact: Fact, right: Right, laws: Sequence[str]) -> list[AppliedProvision]:
    """Return the provisions that *fact* applied, in a request for *right* under *laws*."""
    named = [policy] if isinstance(policy := getattr(fact, "policy", None), str) else laws
    editions = [policies().named(law) for law in named]
    found = ((law.id, text) for law in editions for text in _texts(fact, right, law) if text)
    return [AppliedProvision(law=law, provision=text) for law, text in dict.fromkeys(found)]


def _texts(fact: Fact, right: Right, law: Policy) -> Iterator[str]:
    if (rule := RULES.get(type(fact))) is not None:
        yield rule(law, right)
    if isinstance(fact, events.FeeDecided | events.FeeQuoted) and (fee := law.fee_for(fact.reason)):
        yield fee.provision
    yield from (law.citation(ReasonCode(one)) for one in _grounds(fact) if one in CODES)


def _grounds(fact: Fact) -> Iterator[str]:
    """Yield the codes of the grounds that *fact* states."""
    for name in ("reasons", "grounds"):
        values = getattr(fact, name, ())
        yield from values if isinstance(values, Iterable) else ()
    if isinstance(ground := getattr(fact, "ground", None), str):
        yield ground


def _period(duty: TimedDuty) -> Callable[[Policy, Right], str]:
    def provision(law: Policy, right: Right) -> str:
        rule = law.rule(duty, right)
        return rule.provision if rule is not None else ""

    return provision


def _pause(law: Policy, _right: Right) -> str:
    return "; ".join(dict.fromkeys(pause.provision for pause in law.pauses if pause.kind == "identity"))


def _narrowing(law: Policy, right: Right) -> str:
    return law.narrowing.provision if law.narrowing is not None and law.narrows(right) else ""


def _proof(law: Policy, right: Right) -> str:
    try:
        return law.proof_for(right, sensitive=False).provision
    except ConfigurationError:  # this law demands none
        return ""


RULES: Mapping[type[Fact], Callable[[Policy, Right], str]] = {
    events.RequestReceived: _period(TimedDuty.ANSWER),
    events.DueMoved: _period(TimedDuty.ANSWER),
    events.RequestExtended: _period(TimedDuty.EXTENDED_ANSWER),
    events.AppealReceived: _period(TimedDuty.APPEAL),
    events.RequestPaused: _pause,
    events.ScopeAsked: _narrowing,
    events.IdentityChallenged: _proof,
}
"""Event → the rule that it applies, besides its grounds."""
