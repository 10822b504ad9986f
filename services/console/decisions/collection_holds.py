"""The form of a legal hold on a collection, which becomes a case of its own."""

from collections.abc import Sequence
from secrets import token_hex

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import EnteredDecision, EnteredTexts, made
from services.console.decisions.forms import CaseView, DecisionField, DecisionOffer, Entered, FieldKind
from services.console.decisions.offers import MATTER, PLACE_HOLD, UNTIL, matter_code
from services.console.http.guard import Visitor
from services.console.state import CaseKind, CaseRow
from shared.contract.events import HoldPlaced
from shared.pages.translation import mark as _
from shared.vocabulary import HoldScope

COLLECTION = "collection"


async def placing(parts: ConsoleParts) -> DecisionOffer:
    """Return the form: the collections of the data map as choices, as far as they are known."""
    known = await parts.reports.data_map()
    keys = [] if known is None else sorted(str(one["key"]) for one in known.collections)
    return DecisionOffer(
        name=PLACE_HOLD.name,
        kind=HoldPlaced,
        title=_("Place a hold on a collection"),
        text=PLACE_HOLD.text,
        done=PLACE_HOLD.done,
        fits=lambda view: view.row.kind is CaseKind.HOLD,
        fields=(_collection(keys), MATTER, UNTIL),
        constants={"scope": HoldScope.COLLECTION},
        data=_placed,
    )


def new_hold(parts: ConsoleParts) -> CaseView:
    """Return the case of a hold that is not placed yet."""
    now = parts.clock()
    return CaseView(CaseRow(token_hex(16), CaseKind.HOLD, now, now), (), now, parts.today())


async def place(
    parts: ConsoleParts, visitor: Visitor, values: EnteredTexts, code: str, password: str
) -> tuple[str, str]:
    """Place a hold as entered; return its id and that of the decision. Raises as :func:`made`."""
    view = new_hold(parts)
    entered = EnteredDecision(await placing(parts), view, visitor, values)
    return view.row.id, await made(parts, entered, code, password)


def _collection(keys: Sequence[str]) -> DecisionField:
    if not keys:
        hint = _("Its name in the data map: dataset.collection.")
        return DecisionField(COLLECTION, _("Collection"), hint=hint)
    choices = [(key, key) for key in keys]
    return DecisionField(COLLECTION, _("Collection"), FieldKind.CHOICE, choices=lambda _view: choices)


def _placed(entered: Entered, view: CaseView) -> Entered:
    return {**entered, "hold": view.row.id, "matter": matter_code(entered)}
