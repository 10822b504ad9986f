"""Records of billing: customers, invoices under a retention duty, and payments."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from habeas.embedded.company.people import YEAR, DemoCustomer, Dice, Organisation
from habeas.embedded.company.portal import postal
from shared.runtime.mongo import Binary, Decimal128, Document, Int64

DATABASE = "billing"

PRODUCTS = (
    ("Bare-metal server, one month", Decimal("189.00")),
    ("Edge requests, per million", Decimal("0.35")),
    ("IP transit, per Mbit/s", Decimal("0.08")),
    ("Remote hands, per quarter hour", Decimal("32.50")),
)
CENT = Decimal("0.01")
TAX = Decimal("0.19")
LEADING_INVOICES_MONTHS_AGO = (132, 90, 24, 6, 3, 2, 1)
"""The first is past the eight years after the end of its own, for which invoices are kept."""


def documents(organisation: Organisation, dice: Dice) -> Iterator[tuple[str, Document]]:
    """Yield the billing records of paying people of *organisation*."""
    for customer in organisation.people:
        if customer.pays:
            yield "customers", _customer(customer, organisation, dice)
            yield from _invoices_and_payments(customer, organisation, dice)


def _customer(customer: DemoCustomer, organisation: Organisation, dice: Dice) -> Document:
    person = customer.person
    document = {
        "_id": Int64(customer.number),
        "email": dice.spelled(person),
        "name": person.name,
        "company": organisation.name,
        "vat_id": f"{person.country}000{organisation.number:06d}" if dice.chance(0.6) else None,
        "addresses": [
            {"kind": kind, **postal(person)} for kind in ("billing", "delivery")[: dice.between(1, 2)]
        ],
        "bank": {"holder": person.name, "iban": _iban(customer), "bic": "EXAMPLEXXXX"},
        "credit_limit": _money(Decimal(dice.between(1, 80) * 250)),
        "balance": _money(Decimal(dice.between(-90_000, 90_000)) * CENT),
        "since": customer.since,
        "restricted": False,
    }
    if person.phone:
        document["phone"] = person.phone
    if customer.leading or dice.chance(0.3):
        document["card"] = {"last4": f"{dice.between(0, 9999):04d}", "expires_on": dice.now + YEAR}
    if customer.leading or dice.chance(0.1):
        deputy = "Carla Beispiel (carla.beispiel@example.net)"
        document["notes"] = f"Prefers calls before noon; deputy is {deputy}."
    return document


def _iban(customer: DemoCustomer) -> str:
    """Return an account number that no bank accepts: its check digits are 00."""
    return f"{customer.person.country}00EXAM{customer.number:014d}"


def _invoices_and_payments(
    customer: DemoCustomer, organisation: Organisation, dice: Dice
) -> Iterator[tuple[str, Document]]:
    for place, issued in enumerate(_invoice_dates(customer, dice), start=1):
        invoice = _invoice(customer, organisation, place, issued, dice)
        yield "invoices", invoice
        if invoice["paid_at"]:
            yield "payments", _payment(customer, invoice, dice)


def _invoice_dates(customer: DemoCustomer, dice: Dice) -> list[datetime]:
    if customer.leading:
        return [dice.now - YEAR / 12 * months for months in LEADING_INVOICES_MONTHS_AGO]
    return sorted(dice.moment(customer.since) for _ in range(dice.between(1, 3)))


def _invoice(
    customer: DemoCustomer, organisation: Organisation, place: int, issued: datetime, dice: Dice
) -> Document:
    lines, net = _lines(dice)
    tax = (net * TAX).quantize(CENT)
    paid = dice.moment(issued, issued + timedelta(days=60)) if customer.leading or dice.chance(0.85) else None
    return {
        "_id": f"INV-{issued.year}-{customer.number}-{place}",
        "customer_id": Int64(customer.number),
        "issued_at": issued,
        "due_at": issued + timedelta(days=14),
        "paid_at": paid,
        "locked": False,
        "billed_to": {
            "name": customer.person.name,
            "company": organisation.name,
            "email": customer.person.email,
            **postal(customer.person),
        },
        "lines": lines,
        "currency": "EUR",
        "net": _money(net),
        "tax": _money(tax),
        "total": _money(net + tax),
    }


def _lines(dice: Dice) -> tuple[list[Document], Decimal]:
    lines, net = [], Decimal(0)
    for _ in range(dice.between(1, 3)):
        (text, price), quantity = dice.pick(PRODUCTS), dice.between(1, 500)
        net += price * quantity
        lines.append({"text": text, "quantity": quantity, "unit_price": _money(price)})
    return lines, net


def _payment(customer: DemoCustomer, invoice: Document, dice: Dice) -> Document:
    by_card = dice.chance(0.3)
    return {
        "_id": Binary.from_uuid(UUID(bytes=dice.rng.randbytes(16), version=4)),
        "customer_id": invoice["customer_id"],
        "invoice_id": invoice["_id"],
        "received_at": invoice["paid_at"],
        "method": "card" if by_card else "transfer",
        "holder": customer.person.name,
        "iban": None if by_card else _iban(customer),
        "amount": invoice["total"],
        "ip": dice.ip(),
    }


def _money(amount: Decimal) -> Decimal128:
    return Decimal128(amount.quantize(CENT))
