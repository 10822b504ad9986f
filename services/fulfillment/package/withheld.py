"""
Withheld and masked values: notices take their place, in all files alike; and the reasons by their codes.

A value is withheld only where the law that the answer is given under forbids to disclose it, or a rule of the
data map does. Other values that do harm in the wrong hands are masked until they are released (ADR 0032).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from services.fulfillment.datamap.model import Collection, MappedField, WithholdingReason
from services.fulfillment.package.redaction import Redacted, RedactedKind
from services.fulfillment.search.ownership import ANOTHERS
from shared.contract.events import WithheldValues
from shared.law import Policy
from shared.law.taxonomy import covered
from shared.pages.translation import mark as _
from shared.runtime.mongo import Document

NEVER = "never_disclosed"
MASKED = "masked_value"
THIRD_PARTY = "third_party_rights"
NOT_PROVIDED = "not_provided_by_you"
OTHER_BASIS = "other_legal_basis"
NEEDS_MORE_PROOF = "needs_more_proof"
REASONS: Mapping[str, str] = {
    NEVER: _("To protect you, this is never sent."),
    MASKED: _("To protect you, at most the last characters are shown. Ask us for the whole values."),
    THIRD_PARTY: _("It would show data about other people."),
    NEEDS_MORE_PROOF: _("Your proof is enough for the kinds of data, but not for the data itself."),
    "professional_secrecy": _("We are bound to professional secrecy."),
    "retention_duty": _("A law obliges us to keep these records."),
    "legal_claims": _("We need these records to make or defend legal claims."),
    "legal_hold": _("These records are evidence in legal proceedings, and we must not erase them."),
    "contract": _("We still need these records for a contract with you."),
    "still_needed": _("We still need these records for the purpose that we hold them for."),
    "purpose_ended": _("We no longer need the data for the purpose that we collected it for."),
    "consent_withdrawn": _("We held the data on your consent, and your request withdraws it."),
    "objection": _(
        "Your request is an objection to our use of the data, and we claim no overriding grounds."
    ),
    "unlawful_processing": _("The data was processed unlawfully."),
    "erasure_duty": _("A law obliges us to erase the data."),
    "collected_from_child": _("We collected the data on the consent given for you as a child."),
    "out_of_scope": _("Your request was limited to other data."),
    "security": _("We need these records to keep our services secure."),
    "free_expression": _("Freedom of expression and information protects these records."),
    "public_interest": _("We need these records for a task in the public interest."),
    "research": _("We need these records for archiving, research or statistics."),
    NOT_PROVIDED: _("You did not give us this data, and we did not observe it about you."),
    OTHER_BASIS: _("We hold it neither on your consent nor for a contract with you."),
    "not_collected_from_you": _("We did not collect these records from you."),
    "not_personal": _("These records hold no personal data that the erasure covers."),
    "mentioned_elsewhere": _("Records about other people mention you. We did not change them."),
    "not_changeable": _("Some details in these records cannot be changed."),
    "store_rules": _("The rules of a database refused the change. We will try again every day."),
    "store_duplicate": _("A database allows no two records that look alike. We will try again every day."),
    "store_too_large": _("The changed records are too large for the database. We will try again every day."),
    "store_not_permitted": _(
        "We do not have permission to change these records. We will try again every day."
    ),
    "store_refused": _("A database refused the change. We will try again every day."),
    "changed_meanwhile": _("They were added or changed during the erasure. We will try again every day."),
}
OTHER = _("The law allows or requires it; our letter explains this further.")
STATED: Mapping[WithholdingReason, str] = {
    WithholdingReason.SECURITY: NEVER,
    WithholdingReason.THIRD_PARTY_RIGHTS: THIRD_PARTY,
    WithholdingReason.PROFESSIONAL_SECRECY: "professional_secrecy",
}
"""The reason codes of the rules of data maps."""
SHOWN_CHARACTERS = 4
"""Last characters of a masked value that are shown."""
LEAST_CHARACTERS = 8
"""Fewest letters and digits of a value of which any are shown."""
NOTHING_SHOWN = ("user.authorization", "user.biometric")
"""Kinds of data of which a part is a secret, too."""
DOTS = "••••"
MOST_REMEMBERED = 1_024
"""Collections, each under one law and proof, whose notices are remembered."""
SSH_KEY = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ +AAAA[A-Za-z0-9+/]+={0,3}(?: .*)?")
"""A line with a public key; what follows it is a comment."""
PEM_KEY = re.compile(
    r"\s*(?:-----BEGIN ((?:[A-Z0-9]+ )?PUBLIC KEY|PGP PUBLIC KEY BLOCK|CERTIFICATE)-----"
    r"[^-]+-----END \1-----\s*)+"
)


@dataclass(frozen=True, slots=True)
class WithheldNotice:
    """Takes the place of a withheld or redacted value."""

    label: str
    """The kind of data, in the person's language."""
    reason: str = NEVER
    """Reason code, as letters explain it."""
    category: str = ""
    """The kind of data in the data map."""
    provision: str = ""
    """The provision that forbids to disclose it."""
    shown: str = ""
    """The rest of a masked value."""
    by_kind: bool = False
    """Whether it follows from the kind of data alone, so that a public key among such values is shown."""

    @property
    def kind(self) -> "WithheldNotice":
        """This notice without a part of the value."""
        return replace(self, shown="")


@dataclass(frozen=True, slots=True)
class WithheldCount:
    """The number of values of one kind in a collection that are not shown."""

    label: str
    count: int
    reason: str
    area: str
    """Label of the collection."""
    category: str = ""
    provision: str = ""


@dataclass(frozen=True, slots=True)
class DisclosureRules:
    """The law that an answer is given under, and whether masked values are released."""

    law: Policy | None = None
    """None: no law forbids anything."""
    released: bool = False
    """Whether values that are only masked are shown."""
    by_staff: bool = False
    """Whether the staff released them: then also those that an old map withholds without a provision."""
    mailbox_alone: bool = False
    """Whether the person has proven no more than the mailbox: too little for special categories of data."""

    def __hash__(self) -> int:
        return hash((self.law.id if self.law else "", self.released, self.by_staff, self.mailbox_alone))

    def notice(self, field: MappedField) -> WithheldNotice | None:
        """Return the notice in place of values of *field*, without its label; None if they are shown."""
        reason, category, provision, by_kind = self._ground(field)
        if field.opened or not reason:
            return None
        return WithheldNotice("", reason, category, provision, by_kind=by_kind)

    def _ground(self, field: MappedField) -> tuple[str, str, str, bool]:
        """Return the reason (empty: none), category and provision, and whether the kind of data decides."""
        category = next(iter(field.guarded_categories), "")
        forbidden = None if self.law is None or field.container else _forbidden(field, self.law)
        if forbidden is not None:
            return NEVER, *forbidden, True
        if (rule := field.withheld) is not None:
            provision = rule.provision_under(self.law.law if self.law else "")
            if provision or not (rule.grounded or self.by_staff):
                return STATED[rule.reason], category, provision, False
        if field.sensitive and not self.released:
            return MASKED, category, "", True
        weak = self.mailbox_alone and not self.released and field.special
        return NEEDS_MORE_PROOF if weak else "", category, "", False


def releasable(withheld: WithheldValues) -> bool:
    """Return whether the staff can release values: masked ones, or those withheld without a provision."""
    unprovided = withheld.reason == NEVER and withheld.provision is None
    return withheld.reason in {MASKED, NEEDS_MORE_PROOF} or unprovided


NO_LAW = DisclosureRules()
"""Sensitive values are masked, and no law forbids anything."""


@lru_cache(maxsize=MOST_REMEMBERED)
def notices(collection: Collection, rules: DisclosureRules) -> tuple[tuple[MappedField, WithheldNotice], ...]:
    """Return the fields of *collection* whose values are not shown by *rules*, each with its notice."""
    found = ((field, rules.notice(field)) for field in collection.fields)
    return tuple((field, notice) for field, notice in found if notice is not None)


def _forbidden(field: MappedField, law: Policy) -> tuple[str, str] | None:
    """Return the category of *field* whose values *law* forbids to disclose, and the provision."""
    rules = ((category, law.forbids(category)) for category in field.categories)
    return next(((category, rule.provision) for category, rule in rules if rule is not None), None)


def masked(value: Any, category: str) -> str:
    """Return *value* with at most its last characters."""
    plain = "".join(filter(str.isalnum, str(value))) if isinstance(value, str | int) else ""
    if len(plain) < LEAST_CHARACTERS or covered(category, NOTHING_SHOWN):
        return DOTS
    return DOTS + plain[-SHOWN_CHARACTERS:]


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
        self,
        collection: Collection,
        label: Callable[[MappedField], str],
        redact: Callable[[str], str] | None,
        rules: DisclosureRules,
    ) -> None:
        """
        Create it; *label* returns the name of withheld data.

        *redact* blacks out other people in a text; without it, fields that may name them are withheld.
        """
        self._redact = redact
        self._notices: dict[str, WithheldNotice] = {}
        for field, notice in notices(collection, rules):
            self._notices[field.path] = replace(notice, label=label(field))
        for field in collection.fields if redact is None else ():
            if field.redact and field.path not in self._notices:
                self._notices[field.path] = WithheldNotice(label(field), THIRD_PARTY)
        texts = [field for field in collection.fields if field.redact and redact is not None]
        self._texts = {field.path: WithheldNotice(label(field), THIRD_PARTY) for field in texts}
        others = ((f, next(iter(f.categories), "")) for f in collection.of_others)
        stated = {f.path: WithheldNotice(label(f), THIRD_PARTY, kind) for f, kind in others}
        self._others = _around(stated) | stated
        self._above, self._above_texts = _around(self._notices), _around(self._texts)

    @property
    def idle(self) -> bool:
        """Whether everything is shown unchanged."""
        return not (self._notices or self._texts or self._others)

    def apply(self, document: Document) -> Document:
        """Return *document* with a notice for every withheld value; *document* itself is not changed."""
        if self.idle:
            return document
        return {key: self._shown(value, key, None) for key, value in document.items()}

    def _shown(self, value: Any, path: str, notice: WithheldNotice | None) -> Any:
        """Return the shown form of *value*; *notice* names it if it must be redacted."""
        if value is None or (not value and isinstance(value, str | bytes | list | tuple | dict)):
            return value  # that no data is held may be stated
        if value is ANOTHERS:
            return self._others[path]
        if path in self._notices:
            return _in_place_of(value, self._notices[path])
        notice = notice or self._texts.get(path)
        if isinstance(value, dict):
            if notice and any(self._redacted(key, notice) != key for key in value):
                return notice
            return {key: self._shown(item, f"{path}.{key}", notice) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._shown(item, path, notice) for item in value]
        # If the map expects an object with secrets and finds a bare value, that may be the secret.
        if path in self._above:
            return _in_place_of(value, self._above[path])
        notice = notice or self._above_texts.get(path)
        return self._redacted(value, notice) if notice else value

    def _redacted(self, value: Any, notice: WithheldNotice) -> Any:
        """Return *value* without other people; *notice* if it cannot be redacted."""
        if self._redact is None or isinstance(value, bytes):
            return notice
        if isinstance(value, str):
            return self._redact(value)
        return notice if isinstance(self._redact(str(value)), Redacted) else value


def _in_place_of(value: Any, notice: WithheldNotice) -> Any:
    """Return *notice* in place of *value*, of each element if it is masked; a public key is no secret."""
    if notice.by_kind and isinstance(value, str) and is_public_key(value):
        return value
    if notice.reason != MASKED:
        return notice
    if isinstance(value, list | tuple):
        return [_in_place_of(item, notice) for item in value]
    return replace(notice, shown=masked(value, notice.category))


def is_public_key(value: str) -> bool:
    """Return whether *value* holds public keys or certificates and nothing else."""
    lines = value.strip().splitlines()
    return bool(lines) and (PEM_KEY.fullmatch(value) is not None or all(map(SSH_KEY.fullmatch, lines)))


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
