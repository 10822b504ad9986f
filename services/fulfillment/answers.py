"""Puts into words what was found and done: for letters, events and certificates. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.fulfillment.certificate import Certificate, Handled, Retained, SecondLook
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import Remains
from services.fulfillment.erasure.steps import Disposition, Plan, Step
from services.fulfillment.package.labels import title
from services.fulfillment.package.survey import Survey
from services.fulfillment.search.walk import Findings, Status
from shared.answer import Answer, Group, KeptGroup, WithheldGroup


@dataclass(frozen=True, slots=True)
class Issue:
    """Under which number, by whom and when a certificate is issued."""

    number: str
    request_id: str
    controller: str
    begun_at: datetime
    completed_at: datetime


def nothing_held(findings: Findings, data_map: DataMap) -> Answer:
    """Return the answer to somebody of whom nothing is held, with all that was looked through."""
    return Answer(searched=tuple(_searched(findings, data_map)))


def disclosure(survey: Survey, findings: Findings, data_map: DataMap) -> Answer:
    """Return the answer that goes with a package."""
    withheld = dict.fromkeys((item.label, item.reason) for item in survey.withheld)
    return Answer(
        disclosed=tuple(Group(label=part.label, records=part.records) for part in survey.parts),
        withheld=tuple(WithheldGroup(label=label, reason=reason) for label, reason in withheld),
        searched=tuple(_searched(findings, data_map)),
    )


def erasure(plan: Plan, data_map: DataMap, copied: Answer) -> Answer:
    """Return the answer to somebody whose records were erased by *plan*, after what was *copied* for them."""
    return Answer(
        disclosed=copied.disclosed,
        withheld=copied.withheld,
        erased=tuple(_groups(plan, Disposition.ERASED, data_map)),
        masked=tuple(_groups(plan, Disposition.MASKED, data_map)),
        kept=tuple(_kept(plan, data_map)),
        recipients=_recipients(plan, data_map),
    )


def certificate(plan: Plan, remains: Remains, data_map: DataMap, issue: Issue) -> Certificate:
    """Return the certificate of an erasure by *plan* that was looked through again, leaving *remains*."""
    searched = [part for part in remains.findings.coverage if part.status is Status.SEARCHED]
    return Certificate(
        number=issue.number,
        request_id=issue.request_id,
        map_version=plan.version,
        controller=issue.controller,
        begun_at=issue.begun_at,
        completed_at=issue.completed_at,
        handled=tuple(_handled(plan, data_map)),
        second_look=SecondLook(issue.completed_at, len(searched), len(remains.remainders)),
        recipients=_recipients(plan, data_map),
    )


def _searched(findings: Findings, data_map: DataMap) -> Iterator[str]:
    for part in findings.coverage:
        if part.status is Status.SEARCHED:
            yield title(data_map.by_key[part.key])


def _groups(plan: Plan, disposition: Disposition, data_map: DataMap) -> Iterator[Group]:
    counts = Counter(step.key for step in plan.steps if step.disposition is disposition)
    for key, records in counts.items():
        yield Group(label=title(data_map.by_key[key]), records=records)


def _kept(plan: Plan, data_map: DataMap) -> Iterator[KeptGroup]:
    """Yield what is kept by collection and reason, until the last of its days; none where one has none."""
    groups: defaultdict[tuple[str, str, str], list[Step]] = defaultdict(list)
    for step in plan.steps:
        if step.disposition is Disposition.RETAINED:
            groups[step.key, step.reason or "", step.because or ""].append(step)
    for (key, reason, because), steps in groups.items():
        days = [step.until for step in steps if step.until is not None]
        yield KeptGroup(
            label=title(data_map.by_key[key]),
            records=len(steps),
            reason=reason,
            citation=because,
            until=max(days) if len(days) == len(steps) else None,
        )


def _recipients(plan: Plan, data_map: DataMap) -> tuple[str, ...]:
    """
    Return who received the data that was erased.

    Law:
        GDPR Art. 19: the person is told about the recipients on request; here, without one.
    """
    keys = dict.fromkeys(step.key for step in plan.steps if step.changes)
    named = (recipient for key in keys for recipient in data_map.by_key[key].facts.recipients)
    return tuple(dict.fromkeys(named))


def _handled(plan: Plan, data_map: DataMap) -> Iterator[Handled]:
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for step in plan.steps:
        steps[step.key].append(step)
    for key, of_collection in steps.items():
        collection = data_map.by_key[key]
        counts = Counter(step.disposition for step in of_collection)
        yield Handled(
            store=collection.store,
            dataset=collection.dataset,
            collection=collection.name,
            label=title(collection),
            found=len(of_collection),
            erased=counts[Disposition.ERASED],
            masked=counts[Disposition.MASKED],
            retained=(*_retained(of_collection), *_unchanged(counts[Disposition.UNCHANGED])),
        )


def _retained(steps: Iterable[Step]) -> Sequence[Retained]:
    counts = Counter(
        (step.reason or "", step.because or "", step.until)
        for step in steps
        if step.disposition is Disposition.RETAINED
    )
    return [Retained(records, reason, because, until) for (reason, because, until), records in counts.items()]


def _unchanged(records: int) -> Sequence[Retained]:
    """Records in which nothing is what the erasure is about."""
    return [Retained(records, "not_personal")] if records else []
