"""Forms of one decision on many cases. Pure."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.console.decisions.forms import CaseView, Choices, DecisionDraft, DecisionField, DecisionOffer
from services.console.decisions.offers import OFFERS
from services.console.state import CaseRow
from shared.contract.staff import TEXT_SALT_BYTES

BULK: Mapping[str, DecisionOffer] = {
    name: OFFERS[name]
    for name in ("approve-erasure", "extend", "refuse", "nothing-held", "withdraw", "close")
}
"""Decisions that can be made about many cases: the same values fit all of them."""


@dataclass(frozen=True, slots=True)
class JointDecision:
    """A decision on many cases, as it is entered."""

    offer: DecisionOffer
    views: Sequence[CaseView]
    """The cases that wait for it."""
    others: Sequence[CaseRow] = ()
    """Chosen cases that do not."""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    preview: Mapping[str, Any] | None = None
    """The letters of the first case, or why none."""

    @property
    def fields(self) -> Sequence[DecisionField]:
        """Return the fields, with the choices that all cases have."""
        return [replace(one, choices=self._common(one)) for one in self.offer.fields]

    def _common(self, entered: DecisionField) -> Callable[[CaseView], Choices]:
        first, *rest = [list(entered.choices(view)) for view in self.views]
        known = [{value for value, _name in choices} for choices in rest]
        common = [one for one in first if all(one[0] in values for values in known)]
        return lambda _view: common

    @property
    def view(self) -> CaseView:
        """Return the first case, as the fields of the form need it."""
        return self.views[0]

    def value(self, name: str, preset: str = "") -> str:
        """Return the value that was entered in the field *name*."""
        return next(iter(self.values.get(name, ())), preset)

    def chosen(self, name: str) -> Sequence[str]:
        """Return the choices that were made in the field *name*."""
        return self.values.get(name, ())

    def drafts(self, account: str) -> Sequence[DecisionDraft]:
        """Return the decision of *account* on each case; raises InvalidEntry if the values do not fit."""
        offer = replace(self.offer, fields=tuple(self.fields))
        return [self._draft(offer, view, account) for view in self.views]

    def _draft(self, offer: DecisionOffer, view: CaseView, account: str) -> DecisionDraft:
        entered = offer.entered(lambda name: self.values.get(name, ()), view)
        return offer.draft(entered, view, account, secrets.token_bytes(TEXT_SALT_BYTES))
