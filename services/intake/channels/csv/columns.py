"""
The columns of a sheet: their names, their places in a request, and the values of their cells. Pure.

Dates are ISO 8601 alone: 03/04/2026 has two meanings.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.contract.events import Code, Text
from shared.law import Right

LISTED = "|"
"""The separator of several values in one cell."""
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ISO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?")
YES = frozenset({"yes", "true", "1"})
NO = frozenset({"no", "false", "0"})
RIGHTS: Mapping[str, Right] = {
    **{right.value: right for right in Right},
    "access_request": Right.ACCESS,
    "deletion": Right.ERASURE,
    "delete": Right.ERASURE,
    "erase": Right.ERASURE,
    "correction": Right.RECTIFICATION,
    "correct": Right.RECTIFICATION,
    "data_portability": Right.PORTABILITY,
    "do_not_sell": Right.OPT_OUT_OF_SALE,
    "do_not_sell_or_share": Right.OPT_OUT_OF_SALE,
    "opt_out": Right.OPT_OUT_OF_SALE,
    "limit": Right.LIMIT_SENSITIVE_USE,
    "object": Right.OBJECTION,
    "restrict": Right.RESTRICTION,
}
"""Accepted names of rights."""


class CellError(ValueError):
    """A cell has an unsupported form; the message names the supported one."""


@dataclass(frozen=True, slots=True)
class SheetFormat:
    """The format of a sheet."""

    zone: tzinfo
    """The zone of days and of times without an offset."""
    now: datetime
    ignored: frozenset[str] = frozenset()
    """Headings of columns to ignore."""


def _iso_date(cell: str, _reading: SheetFormat) -> str:
    if not ISO_DATE.fullmatch(cell):
        raise CellError("must be a date like 2026-03-02")
    return cell


def _moment(cell: str, reading: SheetFormat) -> datetime:
    """Return the moment of a cell; a date alone is its beginning, in the company's zone."""
    wrong = CellError("must be a date like 2026-03-02, or a time like 2026-03-02T09:30+01:00")
    if not (ISO_DATE.fullmatch(cell) or ISO_TIME.fullmatch(cell)):
        raise wrong
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise wrong from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=reading.zone)
    if moment > reading.now:
        raise CellError("is in the future")
    return moment


def _yes(cell: str, _reading: SheetFormat) -> bool:
    word = cell.casefold()
    if word not in YES | NO:
        raise CellError("must be yes or no")
    return word in YES


def _right(cell: str, _reading: SheetFormat) -> Right:
    right = RIGHTS.get(plain(cell))
    if right is None:
        raise CellError(f"must be one of {', '.join(Right)}")
    return right


def _parts(cells: Iterable[str]) -> list[str]:
    return [part.strip() for part in cells if part.strip()]


def _lines(cell: str, _reading: SheetFormat) -> list[str]:
    return _parts(cell.splitlines())


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and the place of its cells in a request."""

    name: str
    path: tuple[str, ...]
    read: Callable[[str, SheetFormat], Any] = lambda cell, _: cell
    aliases: tuple[str, ...] = ()


COLUMNS = (
    Column("reference", ("reference",), aliases=("ref", "ticket", "ticket_id", "case_id", "id")),
    Column("right", ("right",), _right, ("request_type", "type", "request", "type_of_request")),
    Column("name", ("subject", "name"), aliases=("full_name", "requester", "customer_name")),
    Column("email", ("subject", "email"), aliases=("e_mail", "mail", "email_address", "requester_email")),
    Column("phone", ("subject", "phone"), aliases=("telephone", "phone_number", "mobile", "tel")),
    Column("date_of_birth", ("subject", "date_of_birth"), _iso_date, ("birthday", "birth_date", "dob")),
    Column("street", ("subject", "postal_address", "lines"), _lines, ("address", "postal_address")),
    Column("city", ("subject", "postal_address", "city"), aliases=("town",)),
    Column("region", ("subject", "postal_address", "region")),
    Column("postal_code", ("subject", "postal_address", "postal_code"), aliases=("postcode", "zip")),
    Column("country", ("residence", "country"), lambda cell, _: cell.upper(), ("country_code", "residence")),
    Column("subdivision", ("residence", "subdivision"), lambda cell, _: cell.upper(), ("state", "province")),
    Column("received_at", ("received_at",), _moment, ("received", "received_on", "created_at")),
    Column("statement", ("details", "statement"), aliases=("message", "comment", "description", "text")),
    Column("scope", ("details", "scope"), lambda cell, _: _parts(cell.split(LISTED))),
    Column("with_copy", ("details", "with_copy"), _yes),
    Column("child", ("child",), _yes, ("minor",)),
    Column("role", ("role",), lambda cell, _: plain(cell)),
    Column("regulation", ("regulation",), lambda cell, _: plain(cell), ("law",)),
    Column("locale", ("locale",), aliases=("language", "lang")),
    Column("agent_name", ("agent", "name")),
    Column("agent_email", ("agent", "email")),
    Column("agent_permission", ("agent", "permission")),
)  # fmt: skip
REQUIRED = ("reference", "right")
CORRECTIONS = ("details", "corrections")
OWN = (("id:", ("subject", "identifiers"), Code), ("correct:", CORRECTIONS, Text))
"""Prefixes of headings with a name of the company's own: ``id:customer_no``, ``correct:city``."""
_KNOWN = {name: column for column in COLUMNS for name in (column.name, *column.aliases)}


def plain(text: str) -> str:
    """Return *text* in the form in which headings and words are compared: no case, no signs."""
    return re.sub(r"[\W_]+", "_", text.strip().casefold()).strip("_")


def column_of(heading: str) -> Column | None:
    """Return the column with that *heading*; None if there is none."""
    name = heading.strip()
    for start, into, kind in OWN:
        own = name[len(start) :].strip()
        if name.casefold().startswith(start) and _is(kind, own):
            return Column(f"{start}{own}", (*into, own))
    return _KNOWN.get(plain(name))


def _is(kind: Any, value: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put *value* in its place; corrections are a list, with the field as a value."""
    if path[:-1] == CORRECTIONS:
        corrections = data.setdefault("details", {}).setdefault("corrections", [])
        corrections.append({"field": path[-1], "value": value})
        return
    for step in path[:-1]:
        data = data.setdefault(step, {})
    data[path[-1]] = value
