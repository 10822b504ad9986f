"""People of the shared installation: each promise has four that no other promise has."""

from dataclasses import dataclass, field
from datetime import timedelta

from habeas.embedded.company import ADA, BRUNO
from tests.integration.pipeline import Pipeline, Somebody, now

PROMISES, PEOPLE_OF_EACH = 40, 4
CUSTOMERS = 260
"""So many that each promise has its people: only those who have paid an invoice of late are taken."""
LATE = timedelta(days=3 * 365)


@dataclass
class SharedPeople:
    """People of the shared installation with a paid invoice, in the order that they had before any test."""

    all: list[Somebody]
    users: dict[tuple[int, int], str] = field(default_factory=dict)
    """The test that has a person, by promise and place."""

    def of(self, promise: int, place: int, test: str) -> Somebody:
        """Return the person in *place* of a promise, for *test* alone."""
        assert 1 <= promise <= PROMISES
        assert 0 <= place < PEOPLE_OF_EACH, f"a promise has {PEOPLE_OF_EACH} people"
        user = self.users.setdefault((promise, place), test)
        assert user == test, f"place {place} of promise {promise} is in use by {user}"
        return self.all[(promise - 1) * PEOPLE_OF_EACH + place]


async def shared_people(pipeline: Pipeline) -> SharedPeople:
    """Return the people of *pipeline* that tests share out, without Ada and Bruno, whom tests name."""
    payments = pipeline.business("billing", "payments")
    paid = await payments.distinct("customer_id", {"received_at": {"$gt": now() - LATE}})
    contacts = pipeline.business("portal", "contacts").find({"customer_id": {"$in": paid}})
    emails = {contact["email"] async for contact in contacts} - {ADA.email, BRUNO.email}
    return SharedPeople([person for person in await pipeline.people() if person.email in emails])


@dataclass
class People:
    """The people of one test."""

    pipeline: Pipeline
    shared: SharedPeople
    promise: int
    test: str

    def __getitem__(self, place: int) -> Somebody:
        return self.shared.of(self.promise, place, self.test)

    async def subscriber(self, place: int) -> Somebody:
        """Return the person in *place*, who gets the newsletter on a consent from now on."""
        person = self[place]
        await subscribe(self.pipeline, person)
        return person


async def subscribe(pipeline: Pipeline, person: Somebody) -> None:
    """Let *person* get the newsletter on a consent."""
    newsletter = pipeline.business("portal", "newsletter")
    like = await newsletter.find_one({"consent.given": True}, {"_id": 0, "customer_id": 0})
    await newsletter.delete_many({"email": person.email})
    await newsletter.insert_one({**like, "email": person.email, "subscribed": True})


async def subscribed(pipeline: Pipeline, person: Somebody) -> bool:
    """Return whether *person* gets the newsletter."""
    found = await pipeline.business("portal", "newsletter").find_one({"email": person.email})
    return bool(found["subscribed"])
