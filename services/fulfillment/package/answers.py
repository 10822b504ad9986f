"""
The content of answers in words, for letters: in the language of the data map that is given.

Give a map in the reader's language (``labels.map_in``).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import partial
from types import MappingProxyType
from typing import Any

from services.fulfillment.changes.change import NOT_EDITABLE, Change, corrected
from services.fulfillment.changes.planner import marks
from services.fulfillment.datamap.model import DataMap, Erasure
from services.fulfillment.domain import (
    MENTIONED_ELSEWHERE,
    NOT_CHANGEABLE,
    NOT_COVERED,
    LegalBasis,
    legal_bases,
)
from services.fulfillment.erasure.execution import Residue
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, alike
from services.fulfillment.package.about import by_category
from services.fulfillment.package.labels import category, cited, field_label, locale_of, title, words
from services.fulfillment.package.records import text_of
from services.fulfillment.package.survey import PackageSurvey
from services.fulfillment.package.withheld import NEEDS_MORE_PROOF
from services.fulfillment.recipients.directory import by_hand, recipients_of
from services.fulfillment.search.findings import Findings, SearchStatus
from services.fulfillment.search.scope import scope_of
from shared.contract.answer import (
    Answer,
    AnswerGroup,
    BlackedOutGroup,
    CorrectedValue,
    DeclinedCorrection,
    GroundedGroup,
    KeptGroup,
    LeftGroup,
    WithheldGroup,
)
from shared.contract.events import RequestSubmitted, WithheldValues
from shared.labels import default_of
from shared.law import Right


def nothing_held(findings: Findings, data_map: DataMap) -> Answer:
    """Return the answer if no data was found, with everything that was searched."""
    return Answer(searched=_searched(findings, data_map), unconfirmed=findings.unconfirmed)


def disclosure(survey: PackageSurvey, findings: Findings, data_map: DataMap) -> Answer:
    """Return the answer that goes with a package."""
    withheld: Counter[tuple[str, str, str, str]] = Counter()
    for count in (*survey.withheld, *survey.left_out):
        withheld[count.label, count.reason, count.provision, count.category] += count.count
    blacked_out: Counter[str] = Counter()
    for item in survey.blacked_out:
        blacked_out[item.label] += item.count
    return Answer(
        disclosed=tuple(AnswerGroup(label=area.label, records=area.records) for area in survey.areas),
        withheld=tuple(
            WithheldGroup(
                label=label,
                reason=reason,
                citation=provision,
                provision="" if default_of(provision) == provision else default_of(provision),
                category=category,
                values=values,
            )
            for (label, reason, provision, category), values in withheld.items()
        ),
        blacked_out=tuple(BlackedOutGroup(label=label, count=n) for label, n in blacked_out.items()),
        searched=_searched(findings, data_map),
        unconfirmed=findings.unconfirmed,
    )


def scope_labels(submitted: RequestSubmitted, data_map: DataMap) -> tuple[str, ...]:
    """Return the names of the data that a request is limited to, in its language; none if it is not."""
    scope = scope_of(submitted.details.scope, data_map)
    if not scope.limits:
        return ()
    said, names = words(locale_of(submitted)), data_map.collections[0].category_names
    return (
        *(title(data_map.by_key[key]) for key in scope.areas),
        *(category(key, said, names) for key in scope.categories),
    )


def overview(survey: PackageSurvey, findings: Findings, *, fallback: bool) -> Answer:
    """Return the answer that states kinds of data; as a *fallback*, the proof was not enough for the data."""
    itself = WithheldGroup(label=survey.words.say("The data itself"), reason=NEEDS_MORE_PROOF)
    return Answer(
        categories=tuple(dict.fromkeys(category.name for category in by_category(survey))),
        withheld=(itself,) if fallback else (),
        unconfirmed=findings.unconfirmed,
    )


def withheld_values(answer: Answer) -> tuple[WithheldValues, ...]:
    """Return the withheld and masked values of *answer*, by kind, for events."""
    return tuple(
        WithheldValues(
            category=group.category,
            reason=group.reason,
            values=group.values,
            provision=group.provision or group.citation or None,
        )
        for group in answer.withheld
        if group.category and group.values
    )


def erasure(  # noqa: PLR0913 - the parts of an answer
    plan: RecordPlan,
    residues: Sequence[Residue],
    data_map: DataMap,
    copy: Answer,
    *,
    agreed: Collection[str],
    grounds: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """
    Return the answer to an erasure by *plan*, which has the final dispositions.

    *residues* are texts that still name the person, *copy* is what was disclosed before, and the recipients
    *agreed* are notified automatically. *grounds* are those of the erased
    collections, by their keys.
    """
    named = recipients_of(plan, data_map)
    return Answer(
        grounds=_grounds(grounds, data_map),
        disclosed=copy.disclosed,
        withheld=copy.withheld,
        blacked_out=copy.blacked_out,
        copies=copy.copies,
        unconfirmed=plan.unconfirmed,
        erased=_groups(plan, Disposition.ERASED, data_map),
        masked=_groups(plan, Disposition.MASKED, data_map),
        kept=(*_kept(plan, data_map), *_remaining(plan, residues, data_map)),
        recipients=named,
        by_hand=by_hand(named, agreed),
    )


def planned_erasure(
    plan: RecordPlan, data_map: DataMap, *, agreed: Collection[str], grounds: Mapping[str, str]
) -> Answer:
    """
    Return the answer to an erasure as it will be if nothing changes before it begins.

    Records that the erasure does not cover are among those left.
    """
    expected = erasure(plan, (), data_map, Answer(), agreed=agreed, grounds=grounds)
    untouched = _counted(plan, lambda step: (step.reason or NOT_COVERED) if _is_untouched(step) else None)
    left = (
        LeftGroup(label=title(data_map.by_key[key]), records=records, reason=reason)
        for (key, reason), records in untouched.items()
    )
    return expected.model_copy(update={"left": tuple(left)})


def _is_untouched(step: RecordStep) -> bool:
    return step.disposition is Disposition.UNCHANGED


def change(done: Change, data_map: DataMap, *, statement_kept: bool, agreed: Collection[str]) -> Answer:
    """
    Return the answer to marks or corrections, *done* with its failures.

    With *statement_kept*, a statement of the person is kept with values that were not corrected. Recipients
    *agreed* are notified automatically.
    """
    named = recipients_of(done.plan, data_map)
    left = _counted(done.plan, lambda step: step.reason)
    places = ("" if one.key is None else f"{title(data_map.by_key[one.key])}: " for one in done.declined)
    declined = [(place + item.field, item.reason) for place, item in zip(places, done.declined, strict=True)]
    return Answer(
        unconfirmed=done.plan.unconfirmed,
        marked=_groups(done.plan, Disposition.MARKED, data_map),
        left=tuple(
            LeftGroup(label=title(data_map.by_key[key]), records=records, reason=reason)
            for (key, reason), records in left.items()
        ),
        corrected=_corrected(done, data_map),
        declined=tuple(
            DeclinedCorrection(label=label, reason=why) for label, why in declined if why != NOT_EDITABLE
        ),
        disputed=tuple(label for label, why in declined if why == NOT_EDITABLE),
        statement_kept=statement_kept,
        recipients=named,
        by_hand=by_hand(named, agreed),
    )


def stopped(right: Right, data_map: DataMap, *, agreed: Collection[str], services: bool = True) -> Answer:
    """
    Return the answer without a proof of identity: treatment and recipients are those of any person.

    Without *services*, consents that services depend on are left out.
    """
    mark = partial(marks, right, direct_marketing=True, services=services)
    concerned = [c for c in data_map.collections if any(mark(c))]
    named = tuple(dict.fromkeys(name for collection in concerned for name in collection.facts.recipients))
    alone = [c for c in data_map.collections if legal_bases(c.facts.legal_basis) == {LegalBasis.CONSENT}]
    erasable = tuple(map(title, alone)) if right is Right.CONSENT_WITHDRAWAL else ()
    return Answer(recipients=named, by_hand=by_hand(named, agreed), unsearched=True, erasable=erasable)


def _corrected(done: Change, data_map: DataMap) -> tuple[CorrectedValue, ...]:
    """
    Return the corrected values, once per kind of record, without secrets and special categories of data.

    A letter repeats neither: whoever reads the mailbox could ask for a correction to learn the value.

    Law:
        11 CCR §§ 7024(d), 7023(j); GDPR Art. 32.
    """
    values: dict[tuple[str, str], CorrectedValue] = {}
    for step, part in corrected(done):
        collection = data_map.by_key[step.key]
        names = part.path.split(".")
        parts = (field_label(collection, ".".join(names[: n + 1])) for n in range(len(names)))
        label = f"{title(collection)}: {', '.join(parts)}"
        shown = {"before": _written(part.before), "after": _written(part.value)}
        field = collection.by_path[part.path]
        hidden = field.guarded or field.special
        values[step.key, part.path] = CorrectedValue(label=label, **({} if hidden else shown))
    return tuple(values.values())


def _written(value: Any) -> str:
    """Return a value in the form for letters: a list in one line, midnight as a date."""
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()
    return text_of(value)


def _searched(findings: Findings, data_map: DataMap) -> tuple[str, ...]:
    searched = (part.key for part in findings.coverage if part.status is SearchStatus.SEARCHED)
    return tuple(title(data_map.by_key[key]) for key in searched)


def _grounds(grounds: Mapping[str, str], data_map: DataMap) -> tuple[GroundedGroup, ...]:
    labels: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for key, ground in grounds.items():
        labels[ground][title(data_map.by_key[key])] = None
    return tuple(GroundedGroup(label=", ".join(some), reason=code) for code, some in labels.items())


def _groups(plan: RecordPlan, disposition: Disposition, data_map: DataMap) -> tuple[AnswerGroup, ...]:
    counts = _counted(plan, lambda step: disposition if step.disposition is disposition else None)
    return tuple(AnswerGroup(label=title(data_map.by_key[key]), records=n) for (key, _), n in counts.items())


def _counted(plan: RecordPlan, code: Callable[[RecordStep], str | None]) -> Counter[tuple[str, str]]:
    """Return the number of records by collection and *code*, without those that have none."""
    counts: Counter[tuple[str, str]] = Counter()
    for step, records in alike(plan.steps):
        if (found := code(step)) is not None:
            counts[step.key, found] += records
    return counts


def _kept(plan: RecordPlan, data_map: DataMap) -> Iterator[KeptGroup]:
    """
    Yield the retained records by collection and reason, with the first and the last day if each has one.

    Records that could not be erased are included.

    Law:
        GDPR Art. 12(1), (4): stating the last day alone would suggest that all is kept so long.
    """
    groups: defaultdict[tuple[str, str, str], Counter[date | None]] = defaultdict(Counter)
    open_groups = set()
    for step, records in alike(plan.steps):
        if step.disposition in (Disposition.RETAINED, Disposition.LEFT):
            group = (step.key, step.reason or "", step.because or "")
            groups[group][step.until if _ends(step.key, data_map) else None] += records
            if not step.locked or step.disposition is Disposition.LEFT:
                open_groups.add(group)
    for (key, reason, because), days in groups.items():
        known = [day for day in days if day is not None]
        last = max(known) if len(known) == len(days) else None
        yield KeptGroup(
            label=title(data_map.by_key[key]),
            records=days.total(),
            reason=reason,
            citation=cited(data_map.by_key[key], because),
            until=last,
            first=min(known) if last is not None and len(known) > 1 else None,
            locked=(key, reason, because) not in open_groups,
        )


def _ends(key: str, data_map: DataMap) -> bool:
    """
    Return whether the records of a collection are erased once their period has ended.

    Only then has a letter a last day.
    """
    collection = data_map.by_key[key]
    return collection.erasure is not Erasure.KEEP and collection.retention is not None


def _remaining(plan: RecordPlan, residues: Iterable[Residue], data_map: DataMap) -> Iterator[KeptGroup]:
    """Yield records with fields that the map forbids to change, and those of others that name the person."""
    counts = _counted(plan, lambda step: NOT_CHANGEABLE if step.incomplete else None)
    mentions = [((one.key, MENTIONED_ELSEWHERE), one.records) for one in residues if one.records]
    for (key, reason), records in (*counts.items(), *mentions):
        yield KeptGroup(label=title(data_map.by_key[key]), records=records, reason=reason)
