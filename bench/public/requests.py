"""
Requests that are going to be made, by a seed, and their course as the requester sees it.

All of a plan follows from the seed and the people. A course holds personal data of fictional people; what is
printed of it is numbers and ids alone.
"""

import random
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import httpx

from shared.vocabulary import Right

TAG, MOST_REFUSAL = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL), 600


class AskingChannel(StrEnum):
    """The way on which a request comes in."""

    API = "api"
    """The HTTP API, as anybody."""
    KEY = "key"
    """The HTTP API, with the key of an upstream system."""
    EVENT = "event"
    """An event of an upstream system; the person proves who they are."""
    PORTAL = "portal"
    """An event of an upstream system that has logged the person in."""
    FORM = "form"
    """The web form of the privacy centre."""
    MAIL = "mail"
    """A mail in the person's own words."""
    FIDES = "fides"
    """The API of Fides, as a Privacy Center of that product calls it."""
    SHEET = "sheet"
    """A sheet (CSV) of a support desk, with one row."""
    AGENT = "agent"
    """An authorised agent, by the Data Rights Protocol."""
    CONTROLLER = "controller"
    """An instruction of a controller to its processor, by OpenDSR: the person hears from the controller."""
    WEBHOOK = "webhook"
    """A webhook of Shopify about a customer, who proves who they are."""
    UNSUBSCRIBE = "unsubscribe"
    """One click on the link of a mailer (RFC 8058): an objection to direct marketing."""


class Conduct(StrEnum):
    """The behaviour of a requester."""

    PLAIN = "plain"
    RESENT = "resent"
    """The same submission comes several times."""
    MISTYPED = "mistyped"
    """Wrong codes come before the right one."""
    WITHDRAWN = "withdrawn"
    """The person takes the request back instead of proving who they are."""
    SILENT = "silent"
    """The person never proves who they are."""
    STRANGER = "stranger"
    """A stranger asks, names the person's mailbox, and guesses codes; the person ignores the letters."""
    DISOWNED = "disowned"
    """A stranger asks, and the person states, by the link in the letter, that it was not them."""


CONDUCTS = {
    Conduct.PLAIN: 58,
    Conduct.RESENT: 10,
    Conduct.MISTYPED: 8,
    Conduct.WITHDRAWN: 5,
    Conduct.SILENT: 3,
    Conduct.STRANGER: 8,
    Conduct.DISOWNED: 3,
}
BY_OTHERS = frozenset({Conduct.STRANGER, Conduct.DISOWNED})
UNKNOWN = 0.06
"""Share of people that the company does not know."""
TWINS = 0.12
"""Share of people with a second request at the same time."""
ALIKE = 0.4
"""Share of second requests that are for the same as the first one, by another way or the same."""
CHANNELS = {
    AskingChannel.API: 25,
    AskingChannel.KEY: 15,
    AskingChannel.EVENT: 20,
    AskingChannel.PORTAL: 15,
    AskingChannel.FORM: 15,
    AskingChannel.MAIL: 10,
    AskingChannel.FIDES: 8,
    AskingChannel.SHEET: 8,
    AskingChannel.AGENT: 8,
    AskingChannel.CONTROLLER: 8,
    AskingChannel.WEBHOOK: 8,
    AskingChannel.UNSUBSCRIBE: 5,
}
EVERYWHERE = (
    *(AskingChannel.API, AskingChannel.KEY),
    *(AskingChannel.EVENT, AskingChannel.PORTAL, AskingChannel.FORM),
)
"""Channels that every installation has."""
VOUCHED = frozenset({AskingChannel.PORTAL, AskingChannel.CONTROLLER, AskingChannel.UNSUBSCRIBE})
"""Channels that vouch for the person: no code is asked for, and no stranger gets in."""
LOGGED_IN = (Conduct.PLAIN, Conduct.RESENT)
"""Conduct of their people."""
PROOFLESS = frozenset({Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE, Right.CONSENT_WITHDRAWAL})
MAILS = {
    Right.ACCESS: "Please send me a copy of all personal data that you hold about me.",
    Right.ERASURE: "Please delete all data that you hold about me.",
    Right.RECTIFICATION: "Please correct my address in your records. The city is wrong.",
    Right.RESTRICTION: "Please restrict the processing of my data.",
    Right.CONSENT_WITHDRAWAL: "I withdraw my consent.",
    Right.OPT_OUT_OF_SALE: "Do not sell my personal information.",
}
"""Texts of mails."""
POLICIES = {
    Right.ACCESS: "default_access_policy",
    Right.ERASURE: "default_erasure_policy",
    Right.OPT_OUT_OF_SALE: "default_consent_policy",
}
"""Names of the rights that Fides offers."""
EXERCISES = {
    Right.ACCESS: "access",
    Right.ERASURE: "deletion",
    Right.KNOW_CATEGORIES: "access:categories",
    Right.OPT_OUT_OF_SALE: "sale:opt-out",
}
"""Names of the rights that agents exercise."""
TOPICS = {Right.ACCESS: "customers/data_request", Right.ERASURE: "customers/redact"}
"""Topics of webhooks."""
OFFERED: Mapping[AskingChannel, Collection[Right]] = {
    AskingChannel.MAIL: MAILS,
    AskingChannel.FIDES: POLICIES,
    AskingChannel.AGENT: EXERCISES,
    AskingChannel.CONTROLLER: (Right.ACCESS, Right.PORTABILITY, Right.ERASURE),
    AskingChannel.WEBHOOK: TOPICS,
    AskingChannel.UNSUBSCRIBE: (Right.OBJECTION,),
}
"""Rights of channels that do not have all."""
MARKETING = {"scope": ["direct_marketing"]}


@dataclass(frozen=True, slots=True)
class PublicPerson:
    """A person, as the company's own records or their passport have them."""

    email: str
    name: str
    country: str
    subdivision: str | None = None
    number: int | None = None
    """The customer number."""
    contact: str = ""
    """The id of the record of the portal."""
    details: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """Values of the person in the records of the portal, by field."""
    held: bool = True
    """Whether the company has records of them."""


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """A request that is going to be made."""

    place: int
    person: PublicPerson
    right: Right
    channel: AskingChannel
    conduct: Conduct
    reference: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def submission(self) -> dict[str, Any]:
        """The submission."""
        residence = {"country": self.person.country, "subdivision": self.person.subdivision}
        return {
            "reference": self.reference,
            "right": self.right.value,
            "subject": {"name": self.person.name, "email": self.person.email},
            "residence": {name: value for name, value in residence.items() if value},
            "locale": "en",
            **({"details": dict(self.details)} if self.details else {}),
        }

    @property
    def needs_proof(self) -> bool:
        """Whether the person must prove who they are."""
        return self.channel not in VOUCHED and self.looks_up

    @property
    def is_instruction(self) -> bool:
        """Whether a controller asks its processor, and answers the person itself."""
        return self.channel is AskingChannel.CONTROLLER

    @property
    def is_marketing(self) -> bool:
        """Whether it is an objection to direct marketing alone."""
        return self.right is Right.OBJECTION and dict(self.details) == MARKETING

    @property
    def looks_up(self) -> bool:
        """Whether the answer depends on what is held, and so on who asks; an opt-out is granted to all."""
        return self.right not in PROOFLESS and not self.is_marketing

    @property
    def by_person(self) -> bool:
        """Whether the person asks who is named."""
        return self.conduct not in BY_OTHERS


@dataclass(slots=True)
class RequestCourse:
    """The course of a request, as its requester saw it."""

    plan: RequestPlan
    request_id: str | None = None
    accepted: bool = False
    """Whether the API, or the broker, took it."""
    other_ids: set[str] = field(default_factory=set)
    """Ids that further submissions of the same request got, if they were others."""
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The fields of the web form, as they were filled in."""
    message: bytes = field(default=b"", repr=False)
    """The signed message of an agent."""
    unanswered: int = 0
    """Submissions without a key that got no answer, and may have been registered under unknown ids."""
    refused_with: int | None = None
    """The status code with which the API refused the submission."""
    refusal: str = ""
    """Its words."""
    no_code_with: int | None = None
    """The status code with which a code for the package was refused."""
    proven: bool = False
    """Whether a right code was accepted."""
    gave_details: bool = False
    """Whether the person offered details of their records, with a signed declaration."""
    guessed: int = 0
    """Wrong codes."""
    took_back: bool = False
    disowned: bool = False
    """Whether the person said that it was not them."""
    page: Mapping[str, Any] = field(default_factory=dict)
    """The last status page."""
    package: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    """Records of the downloaded package, by collection."""
    package_text: str = field(default="", repr=False)
    certificate: Mapping[str, Any] | None = None

    def refuse(self, answer: httpx.Response) -> None:
        """Note that *answer* refuses the submission."""
        self.refused_with = answer.status_code
        self.refusal = " ".join(TAG.sub(" ", answer.text).split())[:MOST_REFUSAL]

    @property
    def status(self) -> str:
        """The status on the last page."""
        return str(self.page.get("status", ""))

    @property
    def ids(self) -> list[str]:
        """All ids that its requester knows."""
        return [one for one in (self.request_id, *sorted(self.other_ids)) if one]


def made_up(
    people: Sequence[PublicPerson],
    requests: int,
    seed: int,
    channels: Collection[AskingChannel] = EVERYWHERE,
) -> list[RequestPlan]:
    """
    Return *requests* plans by some of *channels*; a few people make two, all others one.

    Raises ValueError if there are fewer than twice as many people: as many must be left that ask for nothing.
    """
    if len(people) < 2 * requests:
        raise ValueError(f"{requests} requests need {2 * requests} people; there are {len(people)}")
    dice = random.Random(seed)
    asking = dice.sample(sorted(people, key=lambda person: person.email), requests)
    plans: list[RequestPlan] = []
    for place, person in enumerate(asking):
        last = plans[-1] if plans else None
        if last and _may_have_twin(last, plans) and dice.random() < TWINS:
            plans.append(_twin(place, last, channels, dice))
        else:
            plans.append(_plan(place, person, channels, dice))
    return plans


def _plan(
    place: int, person: PublicPerson, channels: Collection[AskingChannel], dice: random.Random
) -> RequestPlan:
    if dice.random() < UNKNOWN:
        person = PublicPerson(f"unknown{place}@elsewhere.example", f"Nova Nullo {place}", "DE", held=False)
    channel = _drawn({one: weight for one, weight in CHANNELS.items() if one in channels}, dice)
    conducts = {one: weight for one, weight in CONDUCTS.items() if _fits(one, channel)}
    right = dice.choice([one for one in Right if one in OFFERED.get(channel, Right)])
    return RequestPlan(
        place=place,
        person=person,
        right=right,
        channel=channel,
        conduct=_drawn(conducts, dice),
        reference=_reference(dice),
        details=_details(right, channel, place, dice),
    )


def _may_have_twin(plan: RequestPlan, plans: Sequence[RequestPlan]) -> bool:
    alone = len(plans) == 1 or plans[-2].person != plan.person
    return alone and plan.conduct is Conduct.PLAIN and plan.channel not in OFFERED


def _twin(
    place: int, plan: RequestPlan, channels: Collection[AskingChannel], dice: random.Random
) -> RequestPlan:
    """Return another request of the same person, perhaps for the same."""
    channel = _drawn(
        {one: weight for one, weight in CHANNELS.items() if one in channels and one not in OFFERED},
        dice,
    )
    if dice.random() < ALIKE:
        return replace(plan, place=place, channel=channel, reference=_reference(dice))
    right = dice.choice([one for one in Right if one is not plan.right])
    details = _details(right, channel, place, dice)
    reference = _reference(dice)
    return replace(plan, place=place, right=right, channel=channel, reference=reference, details=details)


def _reference(dice: random.Random) -> str:
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def _fits(conduct: Conduct, channel: AskingChannel) -> bool:
    match conduct:
        case Conduct.RESENT:
            return channel not in {AskingChannel.API, AskingChannel.FIDES}
        case _:
            return channel not in VOUCHED or conduct in LOGGED_IN


def _details(right: Right, channel: AskingChannel, place: int, dice: random.Random) -> Mapping[str, Any]:
    if channel is AskingChannel.UNSUBSCRIBE:
        return MARKETING
    if channel in OFFERED:
        return {}
    if right is Right.RECTIFICATION:
        return {"corrections": [{"field": "city", "value": f"Newtown {place}"}]}
    if right is Right.OBJECTION and dice.random() < 0.5:
        return MARKETING
    return {}


def _drawn(weights: Mapping[Any, int], dice: random.Random) -> Any:
    return dice.choices(list(weights), list(weights.values()))[0]


def awaits_proof(course: RequestCourse) -> bool:
    """Return whether a challenged request waits for proof that its requester cannot, or will not, give."""
    if course.plan.conduct in {Conduct.SILENT, *BY_OTHERS}:
        return True
    wanted = course.page.get("wanted", ())
    more = bool(wanted) and all("mailbox" not in way for way in wanted)
    weighed = course.page.get("proof_refused_for") or course.page.get("in_review")
    return more and (bool(weighed) if course.gave_details else not course.plan.person.details)
