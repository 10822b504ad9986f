"""Obligations to notify of a breach, and exemptions from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.law.breaches.policies import BreachPolicies, BreachPolicy, NoticeRule
from shared.law.breaches.terms import Breach, BreachRole, NoticeRecipientKind, Risk, Trigger
from shared.law.company import CompanyProfile
from shared.law.policies import lies_in

CUSTOMERS = (
    NoticeRecipientKind.CONTROLLER,
    NoticeRecipientKind.CSIRT,
    NoticeRecipientKind.SERVICE_RECIPIENTS,
)
"""Recipients that a processor notifies itself."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """A reason why a notice is not owed."""

    reason: str
    provision: str


def laws_requiring_notice(
    breach: Breach,
    place: str | None,
    categories: Iterable[str],
    policies: BreachPolicies,
    company: CompanyProfile,
) -> tuple[BreachPolicy, ...]:
    """
    Return the laws that demand notice to a person living in *place*; that of the residence comes first.

    Without *categories* of the person's breached data those of the whole breach count.

    Law:
        GDPR Art. 34(1), (3)(a): people at high risk, unless the data cannot be read.
        GDPR Art. 33(2), Cal. Civ. Code § 1798.82(b): a processor notifies its customer, it the people.
        Cal. Civ. Code § 1798.82(a), (h): people with a listed combination in their data.
    """
    theirs = tuple(categories) or breach.categories
    return tuple(
        policy
        for policy in protecting(place, on(breach, company), policies, company)
        for notice in policy.notices
        if notice.to is NoticeRecipientKind.PEOPLE and exemption(policy, notice, breach, theirs) is None
    )


def on(breach: Breach, company: CompanyProfile) -> date:
    """Return the day on which the breach became known, as first declared: the editions of that day count."""
    return (breach.judged_at or breach.aware_at).astimezone(company.zone).date()


def protecting(
    place: str | None, day: date, policies: BreachPolicies, company: CompanyProfile
) -> Sequence[BreachPolicy]:
    """
    Return the laws on breaches that protect a resident of *place*: that of a part of a country first.

    An unknown residence counts as the place where the company is established. If only the country is
    known, and its parts have the laws, those apply that stand in for all parts: the
    strictest. People outside all laws are notified under the law that the company grants to all. A law does
    not apply if a deadline of it was not read and the operator has not accepted it.

    Law:
        GDPR Art. 3(1), UK GDPR Art. 3(1): where the company is established there, for all people affected.
    """
    that_day = [one for one in policies.of_that_day(day) if policies.applies(one)]
    return _protecting(place, that_day, company)


def laws_left_out(
    place: str | None, day: date, policies: BreachPolicies, company: CompanyProfile
) -> Sequence[BreachPolicy]:
    """Return the laws that protect a resident of *place*, but do not apply: their deadlines were not read."""
    protecting = _protecting(place, policies.of_that_day(day), company)
    return [one for one in protecting if not policies.applies(one)]


def _protecting(
    place: str | None, that_day: Sequence[BreachPolicy], company: CompanyProfile
) -> Sequence[BreachPolicy]:
    residence = sorted(
        (one for one in that_day if lies_in(place, one.places)),
        key=lambda one: one.is_of_a_part,
        reverse=True,
    )
    reach = [one for one in that_day if one.reaches(company.places)]
    if not residence:
        here = [one for at in company.places for one in that_day if lies_in(at, one.places)]
        in_place = [one for one in that_day if one.stands_in and _is_in_country(one, place)]
        residence = [*in_place, *(here if _is_unknown(place, that_day) else ())]
    found = [*residence, *reach] or [one for one in that_day if one.law == company.grants_to_others]
    return list({one.id: one for one in found}.values())


def exemption(
    policy: BreachPolicy,
    notice: NoticeRule,
    breach: Breach,
    categories: Sequence[str],
    people: int | None = None,
) -> Exemption | None:
    """
    Return why *notice* is not owed; None where it is.

    Without *categories* any data may have been breached. *people* is the number of affected people that the
    law protects; None if unknown yet.
    """
    reasons = (*_of_the_breach(notice, breach, people), *_of_the_data(policy, notice, breach, categories))
    return next(iter(reasons), None)


def _of_the_breach(notice: NoticeRule, breach: Breach, people: int | None) -> Iterator[Exemption]:
    """Yield reasons of the whole breach why *notice* is not owed."""
    if breach.role is BreachRole.PROCESSOR and notice.to not in CUSTOMERS:
        yield Exemption("the company is the processor: the controller notifies", notice.provision)
    if notice.significant and not breach.sensitive_to_security:
        yield Exemption("no significant incident", notice.provision)
    many = notice.or_people is not None and people is not None and people >= notice.or_people
    if not breach.risk.reaches(notice.risk) and not many:  # so many that the risk does not matter
        why = "harm is unlikely" if breach.risk is Risk.UNLIKELY else "no high risk to people"
        # GDPR Art. 33(5): breaches without notice are recorded all the same.
        yield Exemption(f"{why}: it is recorded, with the reason, and not notified", notice.provision)
    if people is not None and people < notice.from_people:
        yield Exemption(
            f"people affected: {people}; notice is due from {notice.from_people} on", notice.provision
        )
    if notice.unreached and not breach.unreached:
        yield Exemption("only where people cannot be notified individually", notice.provision)


def _of_the_data(
    policy: BreachPolicy, notice: NoticeRule, breach: Breach, categories: Sequence[str]
) -> Iterator[Exemption]:
    """Yield reasons of the data, and of its fate, why *notice* is not owed."""
    if notice.safe_harbour and breach.unintelligible:
        yield Exemption(
            "the data cannot be read: it was encrypted, and the key was not taken", notice.safe_harbour
        )
    if notice.trigger is Trigger.ACQUISITION and not breach.acquired:
        yield Exemption("the data was not got, though it could have been", notice.provision)
    if policy.listed and categories and not policy.listed.found_in(categories):
        yield Exemption("no data of the kinds that the law lists", policy.listed.provision)


def _is_in_country(policy: BreachPolicy, place: str | None) -> bool:
    country = (place or "").partition("-")[0]
    return any(lies_in(part, (country,)) for part in policy.places)


def _is_unknown(place: str | None, policies: Iterable[BreachPolicy]) -> bool:
    """Return whether the residence is unknown, or its part of a country with laws of its parts."""
    if place is None:
        return True
    return any(covered.startswith(f"{place}-") for policy in policies for covered in policy.places)
