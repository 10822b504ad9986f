"""
What staff withhold from a package: ticked values, their ground, and the decision that they make. Pure.

A form carries each value as a line: collection, number of the record and path of the field, parted by tabs;
a withheld one has its ground in front. No part but the last, the path, can contain a tab.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.console.decisions.forms import (
    MALFORMED,
    NO_CHOICE,
    CaseView,
    Choices,
    DecisionDraft,
    InvalidEntry,
)
from services.console.pages import labels
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
NOTICE_WORDS = frozenset({"withheld", "reason", "provision", "shown"})
NOTICE_REASONS = frozenset({"never_disclosed", "masked_value", "needs_more_proof", *WithholdingGround})


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


def values_of(record: Mapping[str, Any]) -> list[ListedValue]:
    """Return the values of the fields of a *record* by path, as the listing names them."""
    found: dict[str, list[Any]] = {}
    for path, value in _leaves(record, ""):
        found.setdefault(path, []).append(value)
    return [_listed(path, values) for path, values in found.items()]


def _listed(path: str, values: Sequence[Any]) -> ListedValue:
    texts = [_text(one) for one in values]
    known = any(text and not _is_notice(one) for one, text in zip(values, texts, strict=True))
    cut = any(len(one) > LONGEST_VALUE for one in texts)
    return ListedValue(path, [one[:LONGEST_VALUE] for one in texts], cut, known)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and not (_is_notice(value) or all(one.startswith("$") for one in value)):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value


def _is_notice(value: Any) -> bool:
    """Return whether *value* is the notice of a withheld value; a person's data can look alike."""
    if not isinstance(value, Mapping) or not NOTICE_WORDS >= value.keys() >= {"withheld", "reason"}:
        return False
    return all(isinstance(word, str) for word in value.values()) and value["reason"] in NOTICE_REASONS


def _text(value: Any) -> str:
    if value is None or value == []:
        return ""
    if _is_notice(value):
        reason = labels.plain(value["reason"])
        parts = (f"{value['withheld']}: {reason}", value.get("shown"), value.get("provision"))
        return " ".join(one for one in parts if one)
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
