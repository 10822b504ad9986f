"""Records of the customer portal: accounts, contacts, sessions, tickets, newsletter list."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from habeas.embedded.company.people import YEAR, DemoCustomer, DemoPerson, Dice, Organisation
from shared.runtime.mongo import Document, Int64

DATABASE = "portal"

STAFF = (
    ("Lena Berg", "lena.berg@support.example.net"),
    ("Tomas Quill", "tomas.quill@support.example.net"),
    ("Mei Sato", "mei.sato@support.example.net"),
)
SUBJECTS = (
    "Packet loss towards the exchange",
    "Reverse DNS for a new prefix",
    "BGP session does not come up",
    "Invoice shows the wrong address",
    "Remote hands for a disk replacement",
    "Please raise the traffic commitment",
)
QUESTIONS = (
    "Since this morning we see the problem again; the graphs are attached.",
    "Could you look into this before the weekend?",
    "Our technician {name} ({phone}, {email}) will be on site and can open the rack.",
    "I talked to {name} at our carrier, who suspects the cross connect. Please write to {email}.",
)
ANSWERS = (
    "Thank you for the details. We have moved the session to the second router; please check.",
    "The part is on its way and will be fitted within the maintenance window.",
)
# People mentioned without being in the conversation, for redaction.
MENTIONED = (
    {"name": "Carla Beispiel", "phone": "+49 30 23125 999", "email": "carla.beispiel@example.net"},
    {"name": "Owen Sample", "phone": "+44 20 7946 0999", "email": "owen.sample@example.com"},
    {"name": "Noor Voorbeeld", "phone": "+1 202 555 0199", "email": "noor.voorbeeld@example.org"},
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.3 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/138.0.0.0 Safari/537.36",
)
TOPICS = ("maintenance", "new-sites", "peering", "pricing", "security")
JOBS = (
    *("Buyer", "Head of Infrastructure", "Network Engineer"),
    *("Site Reliability Engineer", "Technical Director"),
)


def documents(organisation: Organisation, dice: Dice) -> Iterator[tuple[str, Document]]:
    """Yield the portal records of *organisation* and its people."""
    yield "accounts", _account(organisation, dice)
    for customer in organisation.people:
        yield "contacts", _contact(customer, organisation, dice)
        for _ in range(8 if customer.leading else dice.between(1, 3)):
            yield "sessions", _session(customer, dice)
        if customer.leading or dice.chance(0.5):
            yield "newsletter", _subscription(customer.person, customer if customer.pays else None, dice)
    for turn in range(6 if organisation.leading else dice.between(0, 2)):
        yield "tickets", _ticket(organisation, turn, dice)


def _account(organisation: Organisation, dice: Dice) -> Document:
    return {
        "_id": organisation.account_id,
        "number": f"A-{organisation.number:06d}",
        "name": organisation.name,
        "plan": dice.pick(("edge", "metal", "transit")),
        "active": dice.chance(0.95),
        "created_at": organisation.since,
        "members": [_member(customer, place, dice) for place, customer in enumerate(organisation.people)],
        "addresses": [_address(customer.person, dice) for customer in organisation.people],
        "domains": [f"site{n}.{organisation.number}.example.com" for n in range(dice.between(0, 3))],
    }


def _member(customer: DemoCustomer, place: int, dice: Dice) -> Document:
    return {
        "name": customer.person.name,
        "email": customer.person.email,
        "role": "owner" if place == 0 else dice.pick(("admin", "billing", "technical")),
        "joined_at": customer.since,
    }


def _address(person: DemoPerson, dice: Dice) -> Document:
    return {
        "kind": dice.pick(("delivery", "office", "remote hands")),
        "recipient": person.name,
        "email": dice.spelled(person),
        **postal(person),
    }


def postal(person: DemoPerson) -> Document:
    """Return the person's postal address as every collection of the company lays it out."""
    return {
        "lines": [person.street],
        "city": person.city,
        "region": person.region,
        "postal_code": person.postal_code,
        "country": person.country,
    }


def _contact(customer: DemoCustomer, organisation: Organisation, dice: Dice) -> Document:
    person = customer.person
    return {
        "_id": customer.contact_id,
        "account_id": organisation.account_id,
        "customer_id": Int64(customer.number) if customer.pays else None,
        "email": person.email,
        "name": {"first": person.first, "last": person.last},
        "date_of_birth": person.born,
        "language": person.language,
        "company": organisation.name,
        "address": postal(person),
        "password_hash": dice.rng.randbytes(32),
        "preferences": {
            "theme": dice.pick(("dark", "light")),
            "time_zone": dice.pick(("America/Los_Angeles", "Asia/Tokyo", "Europe/Berlin", "UTC")),
            "notifications": {"outages": dice.chance(0.9), "invoices": dice.chance(0.7)},
        },
        "created_at": customer.since,
        "last_login_at": dice.moment(customer.since) if customer.leading or dice.chance(0.8) else None,
        "restricted": False,
        **_sometimes_known(customer, dice),
    }


def _sometimes_known(customer: DemoCustomer, dice: Dice) -> Document:
    """Return the fields that many contacts lack altogether."""
    known: Document = {}
    if customer.person.phone:
        known["phones"] = [customer.person.phone.replace(" ", "")]
    if customer.leading or dice.chance(0.7):
        known["job_title"] = dice.pick(JOBS)
    if customer.leading or dice.chance(0.2):
        # Visitors of a data centre show a document at the door.
        known["government_id"] = {
            "kind": dice.pick(("national identity card", "passport")),
            "number": f"X{dice.between(0, 9_999_999):07d}",
            "expires_on": dice.now + YEAR * dice.between(1, 9),
        }
    if customer.leading or dice.chance(0.05):
        known["portrait"] = b"\x89PNG\r\n\x1a\n" + dice.rng.randbytes(120)
    return known


def _session(customer: DemoCustomer, dice: Dice) -> Document:
    started = dice.moment(max(customer.since, dice.now - YEAR))
    over = dice.chance(0.8)
    return {
        "_id": dice.rng.randbytes(16).hex(),
        "contact_id": customer.contact_id,
        "started_at": started,
        "ended_at": dice.moment(started, started + timedelta(hours=8)) if over else None,
        "ip": dice.ip(),
        "forwarded_for": [dice.ip() for _ in range(dice.between(0, 2))],
        "user_agent": dice.pick(AGENTS),
        "device": {"id": dice.rng.randbytes(16), "trusted": dice.chance(0.5)},
        "location": {"country": customer.person.country, "point": [_degrees(dice, 180), _degrees(dice, 90)]},
        "token": dice.rng.randbytes(24),
    }


def _degrees(dice: Dice, limit: int) -> float:
    return round(dice.rng.uniform(-limit, limit), 4)


def _ticket(organisation: Organisation, turn: int, dice: Dice) -> Document:
    people = organisation.people
    requester = people[turn % len(people)]
    opened = dice.moment(requester.since)
    answered = opened + timedelta(days=20)
    closed = None if dice.chance(0.2) else dice.moment(opened, answered)
    ticket_id = dice.object_id(opened)
    return {
        "_id": ticket_id,
        "number": f"T-{str(ticket_id)[-6:]}",
        "opened_at": opened,
        "closed_at": closed,
        "priority": dice.between(1, 4),
        "labels": dice.rng.sample(TOPICS, dice.between(0, 2)),
        "on_hold": not organisation.leading and dice.chance(0.01),
        "subject": dice.pick(SUBJECTS),
        "requester": {"name": requester.person.name, "email": dice.spelled(requester.person)},
        "cc": [other.person.email for other in people if other is not requester],
        "messages": _conversation(requester, people, opened, closed or answered, dice),
        **({"rating": dice.between(1, 10) / 2} if closed and dice.chance(0.5) else {}),
    }


def _conversation(
    requester: DemoCustomer, people: Sequence[DemoCustomer], opened: datetime, closed: datetime, dice: Dice
) -> list[Document]:
    writers = [requester, *(other for other in people if other is not requester)]
    moments = iter(sorted(dice.moment(opened, closed) for _ in range(2 * len(writers))))
    messages = []
    for writer in writers:
        messages.append(_question(writer.person, next(moments), dice))
        messages.append(_answer(next(moments), dice))
    return messages


def _question(writer: DemoPerson, at: datetime, dice: Dice) -> Document:
    message = {
        "sent_at": at,
        "staff": False,
        "name": writer.name,
        "email": dice.spelled(writer),
        "ip": dice.ip(),
        "body": dice.pick(QUESTIONS).format(**dice.pick(MENTIONED)),
    }
    if dice.chance(0.3):
        message["attachments"] = [_attachment(dice) for _ in range(dice.between(1, 2))]
    return message


def _answer(at: datetime, dice: Dice) -> Document:
    name, email = dice.pick(STAFF)
    return {"sent_at": at, "staff": True, "name": name, "email": email, "body": dice.pick(ANSWERS)}


def _attachment(dice: Dice) -> Document:
    name, size = dice.pick(("graph.png", "traceroute.txt", "config.txt")), dice.between(800, 5_000_000)
    return {"name": name, "size": Int64(size), "sha256": dice.rng.randbytes(32)}


def _subscription(person: DemoPerson, customer: DemoCustomer | None, dice: Dice) -> Document:
    given, subscribed = dice.moment(dice.now - 3 * YEAR), dice.chance(0.85)
    return {
        "_id": dice.object_id(given),
        "customer_id": Int64(customer.number) if customer else None,
        "email": dice.spelled(person),
        "name": person.name,
        "language": person.language,
        "topics": dice.rng.sample(TOPICS, dice.between(1, 3)),
        "subscribed": subscribed,
        "consent": {
            "given": subscribed,
            "at": given,
            "how": dice.pick(("checkout", "website")),
            "ip": dice.ip(),
        },
        "opened": dice.between(0, 40),
        "last_opened_at": dice.moment(given) if dice.chance(0.6) else None,
        "unsubscribe_key": dice.rng.randbytes(16),
    }
