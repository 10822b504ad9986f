"""Records of operations: servers, usage, and sites without people."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from habeas.embedded.company.people import ADA, YEAR, DemoCustomer, Dice, Organisation
from shared.runtime.mongo import Decimal128, Document, Int64

DATABASE = "ops"

SITES = (
    ("AMS1", "Amsterdam", "NL"),
    ("FRA1", "Frankfurt", "DE"),
    ("GRU1", "São Paulo", "BR"),
    ("LAX1", "Los Angeles", "US"),
    ("LHR1", "London", "GB"),
    ("NRT1", "Tokyo", "JP"),
    ("SIN1", "Singapore", "SG"),
    ("SYD1", "Sydney", "AU"),
)


def sites() -> Iterator[tuple[str, Document]]:
    """Yield the data centres: records without people in them."""
    for place, (code, city, country) in enumerate(SITES, start=1):
        site = {
            "_id": code,
            "city": city,
            "country": country,
            "opened_on": datetime(2008 + place, place, 1, tzinfo=UTC),
            "capacity_gbps": 400 * place,
            "upstreams": [f"AS{64_496 + n}" for n in range(place % 3 + 1)],
        }
        yield "sites", site


def documents(organisation: Organisation, dice: Dice) -> Iterator[tuple[str, Document]]:
    """Yield the servers and the metered traffic of paying people of *organisation*."""
    for customer in organisation.people:
        if customer.pays:
            for _ in range(2 if customer.leading else dice.between(0, 2)):
                yield "servers", _server(customer, organisation, dice)
            for months_ago in range(1, 13 if customer.leading else dice.between(1, 4)):
                yield "usage", _usage(customer, months_ago, dice)


SSH_HEADER = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
"""The beginning of every Ed25519 key (RFC 8709)."""


def _server(owner: DemoCustomer, organisation: Organisation, dice: Dice) -> Document:
    provisioned = dice.moment(owner.since)
    site, _, _ = dice.pick(SITES)
    server_id = dice.object_id(provisioned)
    server: Document = {
        "_id": server_id,
        "hostname": f"{site.lower()}-{str(server_id)[-6:]}.metal.example.net",
        "customer_id": Int64(owner.number),
        "status": "rented" if owner.person is ADA else "ended",
        "site": site,
        "cores": dice.pick((16, 32, 64, 128)),
        "monthly": Decimal128(Decimal(dice.between(90, 900))),
        "addresses": [dice.ip() for _ in range(dice.between(1, 3))],
        "provisioned_at": provisioned,
        "rescue_password": dice.rng.randbytes(12),
        "ssh_keys": [_key(member, provisioned, dice) for member in organisation.people],
    }
    if owner.leading or dice.chance(0.1):
        server["notes"] = "On-site access for Owen Sample (owen.sample@example.com) agreed by telephone."
    return server


def _key(member: DemoCustomer, provisioned: datetime, dice: Dice) -> Document:
    material = b64encode(SSH_HEADER + dice.rng.randbytes(32)).decode()
    return {
        "name": member.person.name,
        "email": member.person.email,
        "public_key": f"ssh-ed25519 {material} {member.person.email}",
        "added_at": dice.moment(provisioned),
    }


def _usage(customer: DemoCustomer, months_ago: int, dice: Dice) -> Document:
    month = (dice.now - YEAR / 12 * months_ago).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        "_id": dice.object_id(month),
        "customer_id": Int64(customer.number),
        "month": month,
        "bytes_in": Int64(dice.between(10**8, 10**12)),
        "bytes_out": Int64(dice.between(10**9, 10**14)),
        "peak_mbps": round(dice.rng.uniform(0.5, 9_500), 2),
        "busiest_clients": [dice.ip() for _ in range(dice.between(0, 3))],
    }
