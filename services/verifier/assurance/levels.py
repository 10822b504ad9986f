"""
The level of assurance that a request needs, and the ways to reach it, the least intrusive first. Pure.

No more proof is requested than the risk needs, and the requirement comes with the reasons for it, each with
its provision: they are stored with the case and shown to the staff.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from shared.contract.declarations import TEXTS
from shared.contract.events import Assurance, Declaration, Evidence, Requester
from shared.law import Policy, Right, needs_proof, strictest_proof
from shared.law.policies import ProofRule
from shared.matching import PersonName, match_names

LOGGED_IN = "logged_in_upstream"
"""Ground on which a trusted source vouches for the person."""

VALID_FOR = timedelta(days=30)
CLOCKS_DIFFER = timedelta(minutes=10)


class Sensitivity(StrEnum):
    """The harm of disclosing the data to, or erasing it for, the wrong person."""

    LOW = "low"
    ORDINARY = "ordinary"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts that the level depends on."""

    right: Right
    laws: tuple[Policy, ...]
    """Those that protect the person; of their rules the strictest counts."""
    sensitivity: Sensitivity = Sensitivity.ORDINARY
    requester: Requester = Requester.PERSON
    vouched: bool = False
    """Whether an upstream system has logged the person in and says so."""
    reachable: bool = True
    """Whether the request names a mailbox of the person's."""
    direct_marketing: bool = False
    attested: bool = False
    """Whether an agent has signed that the person gave permission."""
    confirms: bool = False
    """Whether the person must confirm an irreversible act."""
    by_state: bool = False
    """Whether California's DROP passes the request on."""


@dataclass(frozen=True, slots=True)
class ProofWay:
    """Evidence that is enough together."""

    level: Assurance
    evidence: frozenset[Evidence]

    def missing(self, gained: AbstractSet[Evidence]) -> tuple[Evidence, ...]:
        """Return the evidence that *gained* lacks."""
        return tuple(one for one in Evidence if one in self.evidence - _with_fewer_points(gained))

    @property
    def asked(self) -> frozenset[Evidence]:
        """The evidence that the person provides: the records are compared without them."""
        return self.evidence - {Evidence.RECORDS}


@dataclass(frozen=True, slots=True)
class Requirement:
    """The level that a request needs, with ways and reasons."""

    level: Assurance
    ways: tuple[ProofWay, ...]
    grounds: tuple[str, ...]

    def reached(self, gained: AbstractSet[Evidence]) -> ProofWay | None:
        """Return the first way that *gained* completes."""
        return next((way for way in self.ways if not way.missing(gained)), None)


_ACCOUNT, _MAILBOX = frozenset({Evidence.ACCOUNT}), frozenset({Evidence.MAILBOX})
_DOCUMENTS = frozenset({Evidence.IDENTITY_DOCUMENT, Evidence.ADDRESS_DOCUMENT, Evidence.RECORDS})
WAYS: Mapping[Assurance, tuple[frozenset[Evidence], ...]] = MappingProxyType(
    {
        Assurance.NONE_NEEDED: (frozenset(),),
        Assurance.VOUCHED: (frozenset(),),
        Assurance.MAILBOX: (_ACCOUNT, _MAILBOX, frozenset({Evidence.THREE_POINTS}), _DOCUMENTS),
        Assurance.REASONABLE: (_ACCOUNT, _MAILBOX, frozenset({Evidence.TWO_POINTS}), _DOCUMENTS),
        Assurance.REASONABLY_HIGH: (
            _ACCOUNT,
            frozenset({Evidence.MAILBOX, Evidence.TWO_POINTS, Evidence.DECLARATION}),
            frozenset({Evidence.THREE_POINTS, Evidence.DECLARATION}),
            frozenset({Evidence.MAILBOX, Evidence.IDENTITY_DOCUMENT}),
            _DOCUMENTS,
        ),
    }
)
"""Level → ways to it. A log-in or a mailbox asks for nothing new; a document comes last."""


def required(situation: Situation) -> Requirement:
    """
    Return the level that *situation* needs, the ways to reach it, and the reasons.

    Law:
        GDPR Art. 12(6): more proof is requested only where there are reasonable doubts.
        11 CCR §§ 7060-7063: by kind of request and sensitivity; an agent shows the person's permission.
        11 CCR § 7020(d): a requester of deletion may be asked to confirm it separately.
        GDPR Art. 12(6), 28(3)(a): the controller establishes the identity; a processor does as instructed.
    """
    if not needs_proof(situation.right, direct_marketing=situation.direct_marketing):
        return _free(Assurance.NONE_NEEDED, "no_proof_needed")
    if situation.requester is Requester.CONTROLLER:
        return _free(Assurance.VOUCHED, "controller_instructs")
    if situation.by_state:
        return _free(Assurance.VOUCHED, "state_vouches")
    confirmed = frozenset({Evidence.CONFIRMATION}) if situation.confirms else frozenset[Evidence]()
    if situation.vouched and situation.requester is Requester.PERSON:
        grounds = (LOGGED_IN, *_more_grounds(situation)) if confirmed else (LOGGED_IN,)
        return Requirement(Assurance.VOUCHED, (ProofWay(Assurance.VOUCHED, confirmed),), grounds)
    rule = strictest_proof(
        situation.laws, situation.right, sensitive=situation.sensitivity is Sensitivity.HIGH
    )
    level = Assurance(rule.level)
    ways = tuple(ProofWay(_level_by(one, level), one | confirmed) for one in _ways(rule, situation))
    return Requirement(level, ways, (rule.ground, *_more_grounds(situation)))


def _free(level: Assurance, ground: str) -> Requirement:
    return Requirement(level, (ProofWay(level, frozenset()),), (ground,))


def provision_of(ground: str, laws: Iterable[Policy]) -> str:
    """Return the provisions of *laws* for *ground*; empty where they have none."""
    return "; ".join(dict.fromkeys(filter(None, (law.proof_provision(ground) for law in laws))))


def _ways(rule: ProofRule, situation: Situation) -> Iterator[frozenset[Evidence]]:
    level, shorter = Assurance(rule.level), list[frozenset[Evidence]]()
    for evidence in WAYS[level]:
        asked = _fitted(evidence, rule, situation)
        if any(way <= _with_fewer_points(asked) for way in shorter):
            continue  # it asks for more than a way before it
        documents = Evidence.IDENTITY_DOCUMENT in asked and level is not Assurance.REASONABLY_HIGH
        account = Evidence.ACCOUNT in asked and situation.requester is not Requester.PERSON
        if account or (Evidence.MAILBOX in asked and not situation.reachable):
            continue  # an agent's own account does not show the person they ask for
        if documents and situation.reachable:
            continue  # a mailbox is enough: no papers may be requested or sent
        shorter.append(asked)
        yield asked


def _with_fewer_points(evidence: AbstractSet[Evidence]) -> frozenset[Evidence]:
    """Return *evidence*, in which three points that agree are two as well."""
    more = {Evidence.TWO_POINTS} if Evidence.THREE_POINTS in evidence else set()
    return frozenset(evidence | more)


def _fitted(evidence: frozenset[Evidence], rule: ProofRule, situation: Situation) -> frozenset[Evidence]:
    """Return *evidence* as the situation asks for it; a reachable mailbox is in every way but a log-in."""
    if not rule.declaration:
        evidence -= {Evidence.DECLARATION}
    if situation.reachable and Evidence.ACCOUNT not in evidence:
        evidence |= {Evidence.MAILBOX}
    unconfirmed_agent = situation.requester is Requester.AGENT and Evidence.MAILBOX not in evidence
    if situation.requester is Requester.PARENT or unconfirmed_agent:
        evidence |= {Evidence.PERMISSION}
    return evidence


def _level_by(evidence: frozenset[Evidence], level: Assurance) -> Assurance:
    """Return the level of *evidence*: a log-in or a mailbox is named so, even if it is enough for more."""
    if evidence == _ACCOUNT:
        return Assurance.ACCOUNT
    if evidence == _MAILBOX:
        return Assurance.MAILBOX
    return Assurance.REASONABLE if level is Assurance.MAILBOX else level


def _more_grounds(situation: Situation) -> Iterator[str]:
    if situation.requester is Requester.AGENT:
        yield "agent_attests" if situation.attested else "agent_asks"
    if situation.requester is Requester.PARENT:
        yield "parent_asks"
    if situation.confirms:
        yield "irreversible"
    if not situation.reachable:
        yield "no_mailbox"


def declaration_error(declaration: Declaration, claimed_name: str | None, now: datetime) -> str | None:
    """
    Return why *declaration* does not count, or None (11 CCR §§ 7062(c), 7001(ii): electronically, too).

    Some clients state no name in a request: then any name may stand under the declaration.
    """
    if _plain_text(declaration.text) not in map(_plain_text, TEXTS.values()):
        return "decl_text_version"
    if not now - VALID_FOR < declaration.signed_at <= now + CLOCKS_DIFFER:
        return "decl_stale"
    signed = PersonName.of(declaration.name).words
    if not signed or (claimed_name is not None and not match_names(declaration.name, claimed_name)):
        return "decl_name_mismatch"
    return None


def _plain_text(text: str) -> str:
    return " ".join(text.split()).casefold()
