"""
Withheld values: notices take their place, in all files alike; and the reasons in words, by their codes.

An answer states with particularity that such data is held, and never its value (11 CCR § 7024(d)).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.package.redaction import Redacted, RedactedKind
from shared.pages.translation import mark as _
from shared.runtime.mongo import Document

NEVER = "never_disclosed"
THIRD_PARTY = "third_party_rights"
NOT_PROVIDED = "not_provided_by_you"
OTHER_BASIS = "other_legal_basis"
NEEDS_MORE_PROOF = "needs_more_proof"
REASONS: Mapping[str, str] = {
    NEVER: _("To protect you, this is never sent."),
    THIRD_PARTY: _("It would show data about other people."),
    NEEDS_MORE_PROOF: _("Your proof is enough for the kinds of data, but not for the data itself."),
    "professional_secrecy": _("We are bound to professional secrecy."),
    "retention_duty": _("A law obliges us to keep these records."),
    "legal_claims": _("We need these records to make or defend legal claims."),
    "legal_hold": _("These records are evidence in legal proceedings, and we must not erase them."),
    "contract": _("We still need these records for a contract with you."),
    "security": _("We need these records to keep our services secure."),
    "free_expression": _("Freedom of expression and information protects these records."),
    "public_interest": _("A task in the public interest needs these records."),
    "research": _("Archiving, research or statistics need these records."),
    NOT_PROVIDED: _("It is neither what you gave us nor what we observed about you."),
    OTHER_BASIS: _("We hold it neither on your consent nor for a contract with you."),
    "not_collected_from_you": _("We did not collect these records from you."),
    "not_personal": _("These records hold no personal data that the erasure covers."),
    "mentioned_elsewhere": _("Records of other people name you. Our staff looks at each of them."),
    "not_changeable": _("Some details in these records cannot be changed."),
    "store_rules": _("The rules of a database refused the change. We try again every day."),
    "store_duplicate": _("A database allows no two records that look alike. We try again every day."),
    "store_too_large": _("The changed records are too large for the database. We try again every day."),
    "store_not_permitted": _("We lack the right to change these records. We try again every day."),
    "store_refused": _("A database refused the change. We try again every day."),
    "changed_meanwhile": _("They came or changed while we erased. We try again every day."),
}
OTHER = _("The law allows or demands it; our letter says more.")


@dataclass(frozen=True, slots=True)
class WithheldNotice:
    """Takes the place of a withheld or redacted value."""

    label: str
    """The kind of data, in the person's language."""
    reason: str = NEVER
    """Reason code, as letters explain it."""


@dataclass(frozen=True, slots=True)
class WithheldCount:
    """The number of values of one kind in a collection that are not shown."""

    label: str
    count: int
    reason: str
    area: str
    """Label of the collection."""


@dataclass(frozen=True, slots=True)
class BlackedOut:
    """The number of blacked out values of other people in the texts of a collection."""

    kind: RedactedKind
    label: str
    count: int
    area: str
    """Label of the collection."""


class Withholding:
    """Puts notices into the documents of one collection."""

    def __init__(
        self, collection: Collection, label: Callable[[MappedField], str], redact: Callable[[str], str] | None
    ) -> None:
        """
        Create it; *label* returns the name of withheld data.

        *redact* blacks out other people in a text; without it, fields that may name them are withheld.
        """
        self._redact = redact
        self._notices = {
            field.path: WithheldNotice(label(field), THIRD_PARTY if field.disclose else NEVER)
            for field in collection.fields
            if not field.disclose or (field.redact and redact is None)
        }
        texts = [field for field in collection.fields if field.redact and redact is not None]
        self._texts = {field.path: WithheldNotice(label(field), THIRD_PARTY) for field in texts}
        self._above, self._above_texts = _around(self._notices), _around(self._texts)

    @property
    def idle(self) -> bool:
        """Whether everything is shown unchanged."""
        return not self._notices and not self._texts

    def apply(self, document: Document) -> Document:
        """Return *document* with a notice for every withheld value; *document* itself is not changed."""
        if self.idle:
            return document
        return {key: self._shown(value, key, None) for key, value in document.items()}

    def _shown(self, value: Any, path: str, notice: WithheldNotice | None) -> Any:
        """Return the shown form of *value*; *notice* names it if it must be redacted."""
        if value is None or (not value and isinstance(value, str | bytes | list | tuple | dict)):
            return value  # that no data is held may be stated
        if path in self._notices:
            return self._notices[path]
        notice = notice or self._texts.get(path)
        if isinstance(value, dict):
            if notice and any(self._redacted(key, notice) != key for key in value):
                return notice
            return {key: self._shown(item, f"{path}.{key}", notice) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._shown(item, path, notice) for item in value]
        # If the map expects an object with secrets and finds a bare value, that may be the secret.
        if path in self._above:
            return self._above[path]
        notice = notice or self._above_texts.get(path)
        return self._redacted(value, notice) if notice else value

    def _redacted(self, value: Any, notice: WithheldNotice) -> Any:
        """Return *value* without other people; *notice* if it cannot be redacted."""
        if self._redact is None or isinstance(value, bytes):
            return notice
        if isinstance(value, str):
            return self._redact(value)
        return notice if isinstance(self._redact(str(value)), Redacted) else value


def traces(value: Any) -> Iterator[WithheldNotice | Redacted]:
    """Yield every notice in *value*, and every redacted text."""
    if isinstance(value, WithheldNotice | Redacted):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from traces(item)


def _around(notices: Mapping[str, WithheldNotice]) -> dict[str, WithheldNotice]:
    """Return the notices of *notices* by the paths of the objects around them."""
    split = ((path.split("."), notice) for path, notice in notices.items())
    return {".".join(names[:n]): notice for names, notice in split for n in range(1, len(names))}
