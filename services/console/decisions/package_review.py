"""
What staff withhold from a package: ticked values, their ground, and the decision that they make. Pure.

A form carries each value as a line: collection, number of the record and path of the field, parted by tabs;
a withheld one has its ground in front. No part but the last, the path, can contain a tab.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import ValidationError

from services.console import labels
from services.console.decisions.forms import (
    MALFORMED,
    NO_CHOICE,
    CaseView,
    Choices,
    DecisionDraft,
    InvalidEntry,
)
from shared.contract.events import IdentityVerified, PackageReviewed
from shared.contract.package_review import MOST_REDACTIONS, Redaction, RedactionList
from shared.contract.staff import salted, written_item
from shared.law.library import provisions_of
from shared.pages.translation import mark as _
from shared.vocabulary import WithholdingGround

GROUND = "ground"
NO_GROUND = _("Choose the ground on which the ticked values are withheld.")
TOO_MANY = _("Too many values are withheld. Withhold whole records or collections.")
LONGEST_VALUE = 2_000
"""Characters of a value on the page."""
TAB = "\t"
_Place: TypeAlias = tuple[str | int, ...]
"""Names and indices that lead to a value of a record."""


@dataclass(frozen=True, slots=True)
class ListedValue:
    """The values of a record at one path."""

    path: str
    texts: Sequence[str]
    cut: bool
    """Whether a text is longer than the page shows."""
    open: bool
    """Whether there is a value that is not withheld."""


def grounds(view: CaseView) -> Choices:
    """Return the grounds that the law of the answer has, with their provisions."""
    verified = view.last(IdentityVerified)
    laws = (verified.laws if verified is not None else ()) or view.row.laws
    provided = provisions_of(WithholdingGround, laws[:1])
    return [(one, f"{labels.GROUNDS[one]} ({'; '.join(texts)})") for one, texts in provided.items() if texts]


def values_of(record: Mapping[str, Any], notices: Iterable[Sequence[str | int]] = ()) -> list[ListedValue]:
    """Return the values of the fields of a *record* by path; *notices* are the places of withheld ones."""
    found: dict[str, list[_RecordLeaf]] = {}
    for leaf in _leaves(record, "", (), frozenset(map(tuple, notices))):
        found.setdefault(leaf.path, []).append(leaf)
    return [_listed(path, leaves) for path, leaves in found.items()]


@dataclass(frozen=True, slots=True)
class _RecordLeaf:
    """A value of a record, or the notice of a withheld one."""

    path: str
    value: Any
    withheld: bool

    @property
    def text(self) -> str:
        return _notice_text(self.value) if self.withheld else _text(self.value)


def _listed(path: str, leaves: Sequence[_RecordLeaf]) -> ListedValue:
    texts = [one.text for one in leaves]
    known = any(text and not one.withheld for one, text in zip(leaves, texts, strict=True))
    cut = any(len(one) > LONGEST_VALUE for one in texts)
    return ListedValue(path, [one[:LONGEST_VALUE] for one in texts], cut, known)


def _leaves(value: Any, path: str, at: _Place, notices: frozenset[_Place]) -> Iterator[_RecordLeaf]:
    if at in notices:
        yield _RecordLeaf(path, value, withheld=True)
    elif isinstance(value, Mapping) and not all(one.startswith("$") for one in value):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name, (*at, name), notices)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, path, (*at, number), notices)
    else:
        yield _RecordLeaf(path, value, withheld=False)


def _notice_text(value: Mapping[str, str]) -> str:
    reason = labels.plain(value["reason"])
    parts = (f"{value['withheld']}: {reason}", value.get("shown"), value.get("provision"))
    return " ".join(one for one in parts if one)


def _text(value: Any) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, Mapping):  # a type of extended JSON
        return " ".join(map(_text, value.values()))
    return str(value).lower() if isinstance(value, bool) else str(value)


def place_of(redaction: Redaction) -> str:
    """Return the line of a form for the value that *redaction* withholds."""
    record = "" if redaction.record is None else str(redaction.record)
    return TAB.join((redaction.collection, record, redaction.field or ""))


def line_of(redaction: Redaction) -> str:
    """Return the line of a form for *redaction*."""
    return f"{redaction.reason}{TAB}{place_of(redaction)}"


def read_redactions(
    withheld: Iterable[str], ticked: Iterable[str], ground: str, view: CaseView
) -> tuple[Redaction, ...]:
    """
    Return the redactions of a form: those *withheld* before, and the *ticked* values on a *ground*.

    Raises:
        InvalidEntry: The ground is missing or not of the law, or a line is none.
    """
    lawful, places = {value for value, _name in grounds(view)}, list(ticked)
    if places and not ground:
        raise InvalidEntry(GROUND, NO_GROUND)
    lines = dict.fromkeys((*withheld, *(f"{ground}{TAB}{place}" for place in places)))
    found = {place_of(one): one for one in map(_read, lines)}
    if not lawful.issuperset(one.reason for one in found.values()):
        raise InvalidEntry(GROUND, NO_CHOICE)
    return tuple(found.values())


def _read(line: str) -> Redaction:
    try:
        reason, collection, record, field = line.split(TAB, 3)
        return Redaction.model_validate(
            {"collection": collection, "record": record or None, "field": field or None, "reason": reason}
        )
    except ValueError:
        raise InvalidEntry("", MALFORMED) from None


def review_draft(
    view: CaseView, account: str, listing: str, redactions: Sequence[Redaction], salt: bytes
) -> DecisionDraft:
    """
    Return the review by *account* that withholds *redactions* from the package of *listing*.

    Raises:
        InvalidEntry: The listing is no name, or there are too many redactions.
    """
    if len(redactions) > MOST_REDACTIONS:
        raise InvalidEntry("", TOO_MANY)
    text = None
    if redactions:
        text = salted(RedactionList(redactions=tuple(redactions)).model_dump_json().encode(), salt)
    return DecisionDraft(reviewed(view, account, listing, written_item(text) if text else None), text)


def reviewed(view: CaseView, account: str, listing: str, redactions: str | None) -> PackageReviewed:
    """Return the review of *listing* by *account* with the *redactions* of that name; raises InvalidEntry."""
    try:
        return PackageReviewed(request_id=view.row.id, by=account, listing=listing, redactions=redactions)
    except ValidationError:
        raise InvalidEntry("", MALFORMED) from None
