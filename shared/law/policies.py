"""
Policies: the values of each law, edition by edition, each with its provision.

The values stand in ``policies/``, one file for each edition of a law; here are the fields of such a file, and
how the value for a request is found. A request is judged by the edition in force on the day of its receipt,
to its end (ADR 0014).
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import date
from datetime import date as date_type
from enum import StrEnum
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.errors import ConfigurationError
from shared.law.taxonomy import DEFAULT_CATEGORIES, covered
from shared.law.terms import (
    TELL_DAYS,
    FeeReason,
    GivenCopies,
    LetterElement,
    LetterForm,
    Money,
    ProofLevel,
    ReasonCode,
    Regulation,
    Right,
    Role,
)

E = TypeVar("E", bound="LawEdition")
ALL_LAWS = "all"
"""Stands for all laws where the operator names those accepted."""


class SourceStatus(StrEnum):
    """The provenance of a value."""

    TEXT = "text"
    """The provision was read."""
    SECONDARY = "secondary"
    """A published account of it was read."""
    UNREAD = "unread"
    """Neither was read: it is from memory, and must be checked before it is relied on."""
    OURS = "ours"
    """No provision says so: it is our caution."""


class ReadSource(BaseModel):
    """A source that values of a file were read in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: Literal[SourceStatus.TEXT, SourceStatus.SECONDARY]
    """``text``: it has the provisions themselves."""
    provisions: str = ""
    """Beginning of the provisions that it has: ``11 CCR``; empty: all of the file."""
    place: Annotated[str, Field(min_length=1)]
    """Where it is: an address, or a title."""
    date: date_type | None = None
    """The day of the reading; a text needs it."""

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        if self.read is SourceStatus.TEXT and self.date is None:
            raise ValueError("date is needed for a text")
        return self

    def has(self, read: SourceStatus, provision: str) -> bool:
        """Return whether *provision* was read in it, as *read* says."""
        return self.read is read and provision.startswith(self.provisions)


class SourceMissing(ValueError):
    """A value claims that it was read, and no source of its file has it."""

    def __init__(self, value: "LegalValue", loc: tuple[str | int, ...]) -> None:
        super().__init__(f"{value.provision} is said to be {value.read}, and no entry of sources has it")
        self.loc = (*loc, "read")


SOURCED = frozenset({SourceStatus.TEXT, SourceStatus.SECONDARY})
"""Provenances that name a source."""


class TimedDuty(StrEnum):
    """A duty with a deadline."""

    ANSWER = "answer"
    EXTENDED_ANSWER = "extended answer"
    ACKNOWLEDGEMENT = "acknowledgement"
    APPEAL = "answer to an appeal"
    EXTENDED_APPEAL = "extended answer to an appeal"
    COMPLAINT = "acknowledgement of a complaint"


class PeriodUnit(StrEnum):
    """The unit of a period, and how it is counted."""

    MONTH = "month"
    CALENDAR_DAY = "calendar day"
    BUSINESS_DAY = "business day"


class FirstDay(StrEnum):
    """The first day of a period."""

    RECEIPT = "receipt"
    AFTER_RECEIPT = "after receipt"


class DayOff(StrEnum):
    """The end of a period on a Saturday, a Sunday or a public holiday."""

    NEXT = "next working day"
    BEFORE = "working day before"


class LegalValue(BaseModel):
    """A value of a law, with its provision."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid")

    provision: Annotated[str, Field(min_length=1)]
    """Where it is said."""
    read: SourceStatus


class OtherReading(LegalValue):
    """Another reading of the words of a period, under which it ends earlier; it is stated and not counted."""

    days_earlier: Annotated[int, Field(gt=0)]
    words: Annotated[str, Field(min_length=1)]
    """The words of the provision that allow it."""

    def __str__(self) -> str:
        days = "a day" if self.days_earlier == 1 else f"{self.days_earlier} days"
        return f"by its words, “{self.words}”, it may end {days} earlier [{self.provision}, {self.read}]"


class StatutoryPeriod(LegalValue):
    """A statutory period in days or months."""

    length: Annotated[int, Field(gt=0)]
    unit: PeriodUnit
    first_day: FirstDay = FirstDay.AFTER_RECEIPT
    day_off: DayOff | None = None
    """None only for business days, of which none is a day off."""
    counting: str
    """Says how it is counted."""
    other_reading: OtherReading | None = None

    @property
    def period(self) -> str:
        """The period in words: ``1 month``."""
        return f"{self.length} {self.unit}{'' if self.length == 1 else 's'}"

    def __str__(self) -> str:
        return f"{self.period} [{self.provision}]"

    @model_validator(mode="after")
    def _is_countable(self) -> Self:
        if (self.day_off is None) is not (self.unit is PeriodUnit.BUSINESS_DAY):
            raise ValueError("day_off is needed, but for business days")
        if self.first_day is FirstDay.RECEIPT and self.unit is not PeriodUnit.CALENDAR_DAY:
            raise ValueError("only calendar days can begin on the day of receipt")
        return self


class DeadlineRule(StatutoryPeriod):
    """The deadline of a request."""

    duty: TimedDuty
    rights: tuple[Right, ...] | Literal["all", "others"]
    """``others``: those that no answer of the same policy names."""


class Pause(LegalValue):
    """A ground for the period to stand still."""

    kind: Literal["identity", "fee", "specification"]
    """
    ``identity``: while the person is asked for proof of identity; ``fee``: to agree to a fee;
    ``specification``: to name the data that the request means.
    """


class NarrowingRule(LegalValue):
    """The person may be asked which data a request means, where much data about them is processed."""

    rights: Annotated[tuple[Right, ...], Field(min_length=1)]


class MinorOptIn(LegalValue):
    """The data of a minor is sold only after an opt-in: their own, or below an age the parent's."""

    below: Annotated[int, Field(gt=0)]
    parent_below: Annotated[int, Field(gt=0)]


class OptInLock(LegalValue):
    """After an opt-out, the time in which the person may not be asked to opt in again."""

    rights: Annotated[tuple[Right, ...], Field(min_length=1)]
    months: Annotated[int, Field(gt=0)]


class FeeGround(LegalValue):
    """A ground for a fee, from a person that was informed of it and agrees."""

    reason: FeeReason
    free: Annotated[int, Field(ge=0)] = 0
    """How many copies within twelve months are free; only the first ones of all may be so."""
    same_data: bool = False
    """Whether only those count that held the same data: about other data it is a request of its own."""
    most: Money | None = None
    """The highest fee; None where the law only asks that it be reasonable."""

    @model_validator(mode="after")
    def _leaves_the_first_copy_free(self) -> Self:
        if (self.reason is FeeReason.FURTHER_COPY) is not (self.free > 0):
            raise ValueError("free is needed for further copies, and for nothing else")
        return self

    def stands(self, fee: Money, before: GivenCopies) -> bool:
        """Return whether *fee* may be taken after the copies *before*; other currencies: never."""
        capped = self.most is not None and (
            fee.currency != self.most.currency or fee.amount > self.most.amount
        )
        return not capped and (before.same if self.same_data else before.total) >= self.free


class Demand(LegalValue):
    """A statement that letters must make."""

    element: LetterElement
    letters: Annotated[tuple[LetterForm, ...], Field(min_length=1)] | Literal["all"]
    rights: tuple[Right, ...] = tuple(Right)
    """Rights that it applies to."""
    days: Annotated[int, Field(gt=0)] | None = None
    """The number of days that it states."""

    @model_validator(mode="after")
    def _names_days_if_needed(self) -> Self:
        if (self.days is None) is (self.element in TELL_DAYS):
            raise ValueError(f"{self.element} states {'days' if self.days is None else 'no days'}")
        return self

    def holds_for(self, letter: str, right: Right | None) -> bool:
        """Return whether *letter* must say it that is about *right*, or about none."""
        here = self.letters == "all" or letter in self.letters
        return here and (right is None or right in self.rights)


class LegalGround(LegalValue):
    """The provision by which data is kept or withheld, or a request refused, for some reasons."""

    reasons: Annotated[tuple[ReasonCode, ...], Field(min_length=1)]


class ProofRule(LegalValue):
    """How much proof of identity requests need."""

    rights: tuple[Right, ...] | Literal["all"]
    sensitive: bool = False
    """Whether it holds only for data that do great harm in wrong hands."""
    level: ProofLevel
    ground: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    """Code of the reason, for the staff."""
    declaration: bool = False
    """Whether the requester can be asked for a signed declaration."""
    categories: bool = False
    """Whether weaker proof opens the kinds of data, without the data."""

    @property
    def strictness(self) -> tuple[int, bool]:
        """Orders rules: of several laws the strictest counts."""
        return list(ProofLevel).index(self.level), self.declaration

    def holds_for(self, right: Right, *, sensitive: bool) -> bool:
        """Return whether requests for *right*, about data that are *sensitive* or not, need so much."""
        return (sensitive or not self.sensitive) and (self.rights == "all" or right in self.rights)


class ProofGround(LegalValue):
    """A reason why proof is asked for or not, whatever the level."""

    ground: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    """Its code, for the staff."""


class PortabilityRule(LegalValue):
    """The duty to hand over all data in a form for machines, and not only the data that was provided."""


class FurtherRights(LegalValue):
    """The further rights that an answer names."""

    rights: Annotated[tuple[Right, ...], Field(min_length=1)]


class EqualTreatment(LegalValue):
    """The duty to treat no person worse for the use of rights; answers state it."""


class CategoryName(LegalValue):
    """The name of some categories of data in the law."""

    covers: tuple[str, ...] = ()
    """Categories of the map with all below them; empty: all others."""
    name: Annotated[str, Field(min_length=1)]


class RegisterRule(LegalValue):
    """The duty to keep a register of requests, and to report figures."""


class LawScope(LegalValue):
    """The people that a law protects."""

    places: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")], ...]
    """Where they live: countries and parts of countries (ISO 3166)."""
    by_establishment: bool = False
    """Whether it protects people anywhere if the company is established in such a place."""
    not_as: tuple[Role, ...] = ()
    """Roles in which it does not protect people."""

    def covers(self, place: str | None, role: Role) -> bool:
        """Return whether a resident of *place* is protected in *role*."""
        return role not in self.not_as and lies_in(place, self.places)


class ComplaintBody(LegalValue):
    """An authority that takes complaints."""

    name: str
    names: Mapping[str, str] = Field(default_factory=dict)
    """Its official name in other languages: ``{de: …, fr: …}``."""
    url: Annotated[str, Field(pattern=r"^https://")]

    def name_in(self, locale: str) -> str:
        """Return its name in the language of *locale* (``de-CH``); the one above where it has none."""
        return self.names.get(locale.replace("_", "-").split("-")[0], self.name)


class Childhood(LegalValue):
    """The age limit of childhood."""

    below: Annotated[int, Field(gt=0, le=21)]
    """Age, in years, at which childhood ends."""


class SecretKinds(LegalValue):
    """Kinds of data whose values no answer may disclose; it states that they are held."""

    categories: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _are_of_the_taxonomy(self) -> Self:
        if unknown := set(self.categories) - DEFAULT_CATEGORIES:
            raise ValueError(f"unknown categories: {', '.join(sorted(unknown))}")
        return self


def law_names(written: str) -> frozenset[str]:
    """Return the names in *written*: words, or a JSON list of them."""
    return frozenset(written.translate(str.maketrans('[],"', "    ")).split())


def lies_in(place: str | None, places: Iterable[str]) -> bool:
    """Return whether *place*, a country or a part of one (``US-CA``), is one of *places* or lies in one."""
    if place is None:
        return False
    country, _, _ = place.partition("-")
    return not {place, country}.isdisjoint(places)


class LawEdition(BaseModel):
    """An edition of a law, or the common values of several laws."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid")

    law: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    edition: date
    """The first day on which it is in force."""
    name: str
    model: str | None = None
    """Id of the policy that supplies the values missing here."""
    common: bool = False
    """Whether it is no law, but only a model of others."""
    scope: LawScope | None = None
    """Only a model has no scope."""
    calendar: str | None = None
    """Place of the public holidays that count; None: that of the establishment."""
    sources: tuple[ReadSource, ...] = ()
    """Where its values were read."""

    @model_validator(mode="after")
    def _has_sources(self) -> Self:
        for loc, value in self.located_values():
            if value.read in SOURCED and None in self.sources_of(value):
                raise SourceMissing(value, loc)
        return self

    def located_values(self) -> Iterator[tuple[tuple[str | int, ...], LegalValue]]:
        """Yield every value with its place in the file."""
        for key in type(self).model_fields:
            found = getattr(self, key)
            if isinstance(found, LegalValue):
                yield (key,), found
            elif isinstance(found, tuple):
                yield from (((key, n), one) for n, one in enumerate(found) if isinstance(one, LegalValue))
                readings = (getattr(one, "other_reading", None) for one in found)
                yield from (((key, n, "other_reading"), one) for n, one in enumerate(readings) if one)

    def sources_of(self, value: LegalValue) -> tuple[ReadSource | None, ...]:
        """Return the source of each provision of *value*: none where it was not read, or is ours."""
        provisions = value.provision.split("; ") if value.read in SOURCED else ()
        return tuple(self._source_of(value.read, provision) for provision in provisions)

    def _source_of(self, read: SourceStatus, provision: str) -> ReadSource | None:
        return next((source for source in self.sources if source.has(read, provision)), None)

    @property
    def read_counts(self) -> Mapping[SourceStatus, int]:
        """Number of values by provenance."""
        return Counter(value.read for _, value in self.located_values())

    @property
    @abstractmethod
    def deadlines(self) -> Iterable[tuple[str, LegalValue]]:
        """Duties with a deadline in numbers, each with its rule."""

    @property
    def unread_deadlines(self) -> tuple[str, ...]:
        """Duties with a deadline that was not read: with one, it applies only if the operator accepts it."""
        unread = (duty for duty, rule in self.deadlines if rule.read is SourceStatus.UNREAD)
        return tuple(dict.fromkeys(unread))

    @property
    def id(self) -> str:
        """The id that a case keeps: ``gdpr@2018-05-25``."""
        return f"{self.law}@{self.edition}"

    @property
    def places(self) -> tuple[str, ...]:
        """The places whose residents it protects."""
        return self.scope.places if self.scope else ()

    @property
    def is_of_a_part(self) -> bool:
        """Whether it is the law of a part of a country, which goes before that of the country."""
        return any("-" in place for place in self.places)

    def reaches(self, established: Iterable[str]) -> bool:
        """Return whether it protects all people, because the company is *established* under it."""
        by_establishment = self.scope is not None and self.scope.by_establishment
        return by_establishment and any(lies_in(place, self.places) for place in established)

    @abstractmethod
    def after(self, model: Self) -> Self:
        """Return this policy, completed by *model*."""


class Policy(LawEdition):
    """An edition of a law on the rights of people."""

    title: str = ""
    """Name in letters and on pages, which catalogues translate; empty: *name*."""
    gallery: str = ""
    """Name in the gallery of letters; empty: it is not shown there."""
    regulation: Regulation | None = None
    """Name of requests under it; None: a law without a name in the code."""
    authority: ComplaintBody | None = None
    """None: that of the place where the company is established."""
    childhood: Childhood | None = None
    """Children: their data is not sold without leave, and their requests go first."""
    periods: tuple[DeadlineRule, ...] = ()
    pauses: tuple[Pause, ...] = ()
    narrowing: NarrowingRule | None = None
    """None: the law does not let the company ask."""
    minor_opt_in: MinorOptIn | None = None
    """None: the law names no such opt-in."""
    opt_in_lock: OptInLock | None = None
    """None: the law sets no such time."""
    fees: tuple[FeeGround, ...] = ()
    """All that may cost anything; nothing else does."""
    never_disclose: tuple[SecretKinds, ...] = ()
    letters: tuple[Demand, ...] = ()
    grounds: tuple[LegalGround, ...] = ()
    """Provisions that letters cite for a reason."""
    records: RegisterRule | None = None
    proof: tuple[ProofRule, ...] = ()
    """The first that holds counts."""
    proof_grounds: tuple[ProofGround, ...] = ()
    whole_portability: PortabilityRule | None = None
    further_rights: FurtherRights | None = None
    equal_treatment: EqualTreatment | None = None
    category_names: tuple[CategoryName, ...] = ()
    """Names that answers have for categories; the first that covers one counts."""

    @property
    def answered_as(self) -> Regulation:
        """Name of requests under it."""
        return self.regulation or Regulation.OTHER

    def proof_for(self, right: Right, *, sensitive: bool) -> ProofRule:
        """
        Return how much proof a request for *right* needs.

        Raises:
            ConfigurationError: The policy sets nothing.
        """
        rule = next((rule for rule in self.proof if rule.holds_for(right, sensitive=sensitive)), None)
        if rule is None:
            raise ConfigurationError(f"policies/{self.id}.yaml: proof: nothing for {right}")
        return rule

    def proof_provision(self, ground: str) -> str:
        """Return the provision of a *ground* for proof; empty where this law has none."""
        rules: Iterable[ProofRule | ProofGround] = (*self.proof, *self.proof_grounds)
        return next((rule.provision for rule in rules if rule.ground == ground), "")

    def category_name(self, category: str) -> str:
        """Return the name of *category* in this law; empty where it has none."""
        names = (one.name for one in self.category_names if not one.covers or covered(category, one.covers))
        return next(names, "")

    def letter_provision(self, element: LetterElement, letter: LetterForm) -> str:
        """Return the provision that demands *element* of a *letter*; empty where this law does not."""
        demanded = (one for one in self.letters if one.element is element and one.holds_for(letter, None))
        return next((one.provision for one in demanded), "")

    def citation(self, reason: ReasonCode) -> str:
        """Return the provision of this law for *reason*; empty where it has none."""
        return next((ground.provision for ground in self.grounds if reason in ground.reasons), "")

    def forbids(self, category: str) -> SecretKinds | None:
        """Return the rule that forbids to disclose values of *category*; None where this law has none."""
        return next((rule for rule in self.never_disclose if covered(category, rule.categories)), None)

    def rule(self, duty: TimedDuty, right: Right) -> DeadlineRule | None:
        """Return the period in which *duty* is done for *right*; None where this law sets none."""
        fitting = (rule for rule in self.periods if rule.duty is duty and right in self._covered(rule))
        return next(fitting, None)

    def answer(self, right: Right) -> DeadlineRule:
        """
        Return the period in which a request is answered.

        Raises:
            ConfigurationError: The policy sets none.
        """
        rule = self.rule(TimedDuty.ANSWER, right)
        if rule is None:
            raise ConfigurationError(f"policies/{self.id}.yaml: periods: no answer for {right}")
        return rule

    def pause(self, kind: str | None) -> Pause | None:
        """Return the pause of the period for *kind*; None where there is none."""
        return next((pause for pause in self.pauses if pause.kind == kind), None)

    def narrows(self, right: Right) -> bool:
        """Return whether the person may be asked which data a request for *right* means."""
        return self.narrowing is not None and right in self.narrowing.rights

    def fee_for(self, reason: FeeReason) -> FeeGround | None:
        """Return the ground for a fee for *reason*; None where none is lawful."""
        return next((ground for ground in self.fees if ground.reason is reason), None)

    @property
    def deadlines(self) -> Iterable[tuple[str, LegalValue]]:
        """Duties with a deadline, each with its rule."""
        return ((rule.duty, rule) for rule in self.periods)

    def stands_still_for(self, kind: str | None) -> bool:
        """Return whether the period may stand still for *kind*."""
        return self.pause(kind) is not None

    def after(self, model: Self) -> Self:
        """Return this policy, completed by *model*."""
        own = {demand.element for demand in self.letters}
        return self.model_copy(
            update={
                "periods": (*self.periods, *model.periods),
                "pauses": self.pauses or model.pauses,
                "narrowing": self.narrowing or model.narrowing,
                "opt_in_lock": self.opt_in_lock or model.opt_in_lock,
                "minor_opt_in": self.minor_opt_in or model.minor_opt_in,
                "fees": (*self.fees, *(one for one in model.fees if not self.fee_for(one.reason))),
                "letters": (*self.letters, *(one for one in model.letters if one.element not in own)),
                "calendar": self.calendar or model.calendar,
                "regulation": self.regulation or model.regulation,
                "childhood": self.childhood or model.childhood,
                "grounds": (*self.grounds, *model.grounds),
                "records": self.records or model.records,
                "proof": self.proof or model.proof,
                "proof_grounds": (*self.proof_grounds, *model.proof_grounds),
                "whole_portability": self.whole_portability or model.whole_portability,
                "further_rights": self.further_rights or model.further_rights,
                "equal_treatment": self.equal_treatment or model.equal_treatment,
                "category_names": self.category_names or model.category_names,
                "sources": (*self.sources, *model.sources),
                "never_disclose": self.never_disclose or model.never_disclose,
            }
        )

    @property
    def _named(self) -> frozenset[Right]:
        answers = (rule for rule in self.periods if rule.duty is TimedDuty.ANSWER)
        return frozenset(right for rule in answers if isinstance(rule.rights, tuple) for right in rule.rights)

    def _covered(self, rule: DeadlineRule) -> frozenset[Right]:
        match rule.rights:
            case "all":
                return frozenset(Right)
            case "others":
                return frozenset(Right) - self._named
            case rights:
                return frozenset(rights)


class EditionLibrary(Generic[E]):
    """All editions of all laws. None is ever taken away: open cases are judged by old ones."""

    FOLDER: ClassVar[str]
    """Where their files are."""
    _accepted: frozenset[str] = frozenset()

    def __init__(self, policies: Iterable[E]) -> None:
        """
        Take *policies*, each complete with its model.

        Raises:
            ConfigurationError: A model is missing, or goes back to itself.
        """
        own = {policy.id: policy for policy in policies}
        whole = (self._complete(policy, own) for policy in own.values() if not policy.common)
        ordered = sorted(whole, key=lambda policy: (policy.law, policy.edition))
        self._by_id: Mapping[str, E] = {policy.id: policy for policy in ordered}

    def __iter__(self) -> Iterator[E]:
        """Yield every edition, law by law, oldest first."""
        return iter(self._by_id.values())

    def named(self, id_: str) -> E:
        """
        Return the edition that a case keeps the id of.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            return self._by_id[id_]
        except KeyError:
            raise ConfigurationError(f"{self.FOLDER}/{id_}.yaml: no such edition is here") from None

    def of_that_day(self, day: date) -> list[E]:
        """Return of each law the edition that is in force on *day*."""
        newest = {policy.law: policy for policy in self if policy.edition <= day}
        return list(newest.values())

    def accepting(self, laws: Iterable[str]) -> Self:
        """Return the same editions, of which *laws*, or ``all``, apply despite an unread deadline."""
        accepting = copy(self)
        accepting._accepted = frozenset(laws)  # noqa: SLF001 - of the same class
        return accepting

    def applies(self, policy: E) -> bool:
        """Return whether *policy* applies: its deadlines were read, or it was accepted."""
        return not policy.unread_deadlines or not self._accepted.isdisjoint({policy.law, ALL_LAWS})

    def not_accepted(self, day: date) -> list[E]:
        """Return the editions, in force on *day* or later, that do not apply."""
        current = {policy.id for policy in self.of_that_day(day)}
        there = (policy for policy in self if policy.id in current or policy.edition > day)
        return [policy for policy in there if not self.applies(policy)]

    @property
    def laws(self) -> list[str]:
        """Names of the laws."""
        return sorted({policy.law for policy in self})

    def in_force(self, law: str, day: date) -> E:
        """
        Return the edition of *law* that is in force on *day*; before the first one, the first.

        Raises:
            ConfigurationError: The law is unknown; the message lists the known ones.
        """
        editions = [policy for policy in self if policy.law == law]
        if not editions:
            raise ConfigurationError(f"law {law!r}: there is none; known are {', '.join(self.laws)}")
        return next((policy for policy in reversed(editions) if policy.edition <= day), editions[0])

    def _complete(self, policy: E, among: Mapping[str, E]) -> E:
        where, seen, model = f"{self.FOLDER}/{policy.id}.yaml", {policy.id}, policy.model
        while model is not None:
            if model not in among or model in seen:
                raise ConfigurationError(f"{where}: model: {model} is missing, or in a circle")
            seen.add(model)
            policy, model = policy.after(among[model]), among[model].model
        return policy


class PolicyLibrary(EditionLibrary[Policy]):
    """All editions of the laws on the rights of people."""

    FOLDER = "policies"

    def governing(self, regulation: Regulation, day: date) -> Policy:
        """
        Return the edition in force on *day* of a law that is answered under *regulation*.

        Where it is the law of an unnamed State, it is one of them; where none has this name, any law.
        """
        named = (policy.law for policy in self if policy.regulation is regulation)
        return self.in_force(next(named, self.laws[0]), day)
