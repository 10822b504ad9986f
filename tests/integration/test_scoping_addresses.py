"""One person whom records know by two addresses gets one letter; the other address is for if it fails."""

import json
from typing import Any

import pytest

from services.fulfillment.breach.dry_run import run_dry
from services.fulfillment.breach.handlers import ScopeContext, forget_phase, give_up
from services.fulfillment.breach.search import AffectedSearch
from shared.contract.events.breaches import BreachForgotten, BreachUnscoped
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import INCIDENT, Installation, Simple, declared
from tests.integration.test_scoping import _dies, _DiesError
from tests.integration.test_scoping_others import NAME, NUMBER, SALARY, desk, mail, people, to

MAP = desk(
    customers=f"{mail()}\n{NUMBER}\n{NAME}\n{SALARY}",
    leads=f"{mail()}\n{NUMBER}\n{NAME}\n{SALARY}",
    accounts=f"{mail()}\n{NAME}\n{SALARY}\n{{ name: owner, {to('customers._id')} }}",
)
WORK, HOME, OLD = "ada@work.example", "ada@home.example", "ada@old.example"
ADA: dict[str, Any] = {"_id": 1, "email": WORK, "number": 7, "name": "Ada Example", "salary": 1}
LEAD: dict[str, Any] = {"_id": 1, "email": HOME, "number": "7", "name": "ada  example"}
ACCOUNT: dict[str, Any] = {"_id": 1, "email": OLD, "owner": 1, "name": "Ada Example"}
EVERYTHING = declared(collections=[{"collection": name} for name in ("customers", "leads", "accounts")])


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, MAP)


async def stored(installed: Installation, **documents: list[dict[str, Any]]) -> None:
    for name in ("customers", "leads", "accounts"):
        await installed.business("desk", name).insert_many(documents.get(name) or [{"_id": "nobody"}])


async def test_person_with_two_addresses_gets_one_letter_and_counts_once(installed: Installation) -> None:
    await stored(installed, customers=[ADA], leads=[LEAD], accounts=[ACCOUNT])
    await installed.scoped(EVERYTHING)
    assert people(installed) == (1, 0)
    [(address, ada)] = (await installed.written_to()).items()
    assert address == WORK, "the collection that the map names first"
    assert ada.others == (HOME, OLD)
    assert "user.financial" in ada.categories, "what any of the records holds"


async def test_a_dry_run_counts_them_once_as_well(installed: Installation) -> None:
    await stored(installed, customers=[ADA], leads=[LEAD], accounts=[ACCOUNT])
    finding = AffectedSearch(installed.data_map, installed.stores)
    trial = await run_dry(EVERYTHING, finding, Simple(), lambda *_: None)
    assert trial.counting.people == 1


async def test_of_several_addresses_in_one_record_the_first_is_written_to(installed: Installation) -> None:
    installed.data_map = desk(customers=f"{mail()}\n{mail('former')}\n{NAME}\n{SALARY}")
    record = {"_id": 1, "email": [WORK, WORK.upper(), HOME], "former": OLD, "name": "Ada", "salary": 1}
    await installed.business("desk", "customers").insert_one(record)
    await installed.scoped(declared(collections=[{"collection": "customers"}]))
    [(address, ada)] = (await installed.written_to()).items()
    assert (address, ada.others) == (WORK, (HOME, OLD))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"name": "Bo Sample"}, id="a family that has one number"),
        pytest.param({"name": None}, id="nobody says who it is"),
        pytest.param({"number": 8}, id="a namesake"),
        pytest.param({"number": None}, id="a name alone"),
    ],
)
async def test_who_may_be_another_has_a_letter_of_their_own(
    installed: Installation, other: dict[str, Any]
) -> None:
    """Whoever is taken for another hears nothing: that is worse than two letters."""
    await stored(installed, customers=[ADA], leads=[{**LEAD, **other}])
    await installed.scoped(EVERYTHING)
    assert set(await installed.written_to()) == {WORK, HOME}


@pytest.mark.parametrize("number", [0, "0", "000", "n/a", "none", "-"])
async def test_guests_of_one_name_are_not_one_person_by_what_stands_for_no_number(
    installed: Installation, number: object
) -> None:
    await stored(installed, customers=[{**ADA, "number": number}], leads=[{**LEAD, "number": number}])
    await installed.scoped(EVERYTHING)
    assert set(await installed.written_to()) == {WORK, HOME}


async def test_guests_of_one_name_are_not_one_person_by_a_reference_to_nobody(
    installed: Installation,
) -> None:
    guest = {**ACCOUNT, "owner": 0}
    await stored(installed, accounts=[guest, {**guest, "_id": 2, "email": HOME}])
    await installed.scoped(EVERYTHING)
    assert set(await installed.written_to()) == {OLD, HOME}


async def test_an_employee_of_a_customer_is_no_customer(installed: Installation) -> None:
    firm = {**ADA, "name": "Example Ltd"}
    await stored(installed, customers=[firm], accounts=[ACCOUNT])
    await installed.scoped(EVERYTHING)
    assert set(await installed.written_to()) == {WORK, OLD}


async def test_crash_in_the_middle_leads_to_the_same_result(installed: Installation) -> None:
    await stored(installed, customers=[ADA], leads=[LEAD], accounts=[ACCOUNT])
    await installed.scopes.prepare()
    await installed.register(EVERYTHING)
    with pytest.raises(_DiesError):
        await installed.replica(publish=_dies).work()
    installed.later()
    scope = await installed.scopes.begin(installed.now)
    assert scope is not None
    await installed.scopes.unite(scope, await installed.vault.key_of(INCIDENT), installed.now)
    installed.later()
    assert await installed.replica().work()
    assert set(await installed.written_to()) == {WORK}


async def test_crash_while_people_are_merged_is_continued(installed: Installation) -> None:
    home = {"name": "home", "data_categories": ["user.contact.address.country"]}
    installed.data_map = desk(
        customers=f"{mail()}\n{NUMBER}\n{NAME}\n{SALARY}",
        leads=f"{mail()}\n{NUMBER}\n{NAME}\n{json.dumps(home)}",
    )
    await stored(installed, customers=[ADA, {**ADA, "_id": 2, "email": HOME}], leads=[{**LEAD, "home": "DE"}])
    await installed.scopes.prepare()
    breach = declared(collections=[{"collection": "customers"}])
    await installed.register(breach)
    scope = await installed.scopes.begin(installed.now)
    assert scope is not None
    key, dying = await installed.vault.key_of(INCIDENT), installed.replica()
    scope = await dying._gather(scope, breach, key)
    await dying.scopes.unite(scope, key, installed.now)
    installed.later()
    assert await installed.replica().work()
    [(address, ada)] = (await installed.written_to()).items()
    assert (address, ada.others, ada.place) == (HOME, (WORK,), "DE"), "what either address tells of them"


async def phase(installed: Installation, name: str, number: int) -> set[str]:
    await installed.scoped(declared(collections=[{"collection": name}]), phase=number)
    return set(await installed.written_to(number))


async def test_person_notified_at_one_address_gets_no_equal_letter_at_another(
    installed: Installation,
) -> None:
    await stored(installed, customers=[ADA], leads=[LEAD], accounts=[ACCOUNT])
    assert await phase(installed, "customers", 1) == {WORK}
    assert await phase(installed, "leads", 2) == set()
    assert await phase(installed, "leads", 3) == set(), "it is remembered whose address it is"
    await installed.business("desk", "leads").update_one({"_id": 1}, {"$set": {"salary": 2}})
    await installed.business("desk", "accounts").update_one({"_id": 1}, {"$set": {"salary": 2}})
    assert await phase(installed, "accounts", 4) == set(), "that was known of the first"


async def test_person_with_more_data_at_another_address_is_notified_of_it(installed: Installation) -> None:
    await stored(installed, customers=[{**ADA, "salary": None}], leads=[{**LEAD, "salary": 1}])
    assert await phase(installed, "customers", 1) == {WORK}
    assert await phase(installed, "leads", 2) == {HOME}
    assert await phase(installed, "customers", 3) == set()


async def test_of_whom_both_addresses_are_found_again_none_is_lost(installed: Installation) -> None:
    """They are known to be one person, and each collection is read by itself."""
    named = [{**one, "salary": None} for one in (ADA, LEAD, ACCOUNT)]
    await stored(installed, customers=named[:1], leads=named[1:2], accounts=named[2:])
    await installed.scoped(EVERYTHING)
    for name in ("customers", "leads", "accounts"):
        await installed.business("desk", name).update_one({"_id": 1}, {"$set": {"salary": 1}})
    upper = {"$set": {"email": HOME.upper()}}
    await installed.business("desk", "accounts").update_one({"_id": 1}, upper)
    await installed.scoped(EVERYTHING, phase=2)
    [(address, ada)] = (await installed.written_to(2)).items()
    [other] = ada.others
    assert (address, other.lower()) == (WORK, HOME), "each mailbox once, in whatever notation"


@pytest.mark.parametrize("first", ["customers", "leads"])
async def test_what_else_tells_of_who_is_known_adds_the_address_that_it_tells(
    installed: Installation, first: str
) -> None:
    home = {"name": "home", "data_categories": ["user.contact.address.country"]}
    installed.data_map = desk(
        **{
            name: f"{mail()}\n{NUMBER}\n{NAME}\n{SALARY}\n{json.dumps(home)}"
            for name in ("customers", "leads")
        }
    )
    other = {"customers": "leads", "leads": "customers"}[first]
    records = {"customers": ADA, "leads": {**LEAD, "salary": 1}}
    await installed.business("desk", first).insert_one({**records[first], "salary": None})
    await installed.business("desk", other).insert_one({**records[other], "salary": None})
    both = [{"collection": name} for name in (first, other)]
    await installed.scoped(declared(collections=both))
    await installed.business("desk", first).update_one({"_id": 1}, {"$set": {"salary": 1}})
    await installed.business("desk", other).update_one({"_id": 1}, {"$set": {"home": "DE"}})
    await installed.scoped(declared(collections=both[:1]), phase=2)
    [(address, ada)] = (await installed.written_to(2)).items()
    here, there = (records[name]["email"] for name in (first, other))
    assert (address, ada.others, ada.place) == (here, (there,), "DE")


async def test_withdrawn_phase_merges_no_people(installed: Installation) -> None:
    await stored(installed, customers=[ADA], leads=[{**LEAD, "salary": 1}])
    await phase(installed, "customers", 1)
    before = await installed.people.find({}).to_list(None)
    await phase(installed, "leads", 2)
    context = ScopeContext(installed.vault, finding=None, scopes=installed.scopes)  # type: ignore[arg-type]
    assert await give_up(BreachUnscoped(request_id=INCIDENT, phase=2), context) == []
    assert await installed.people.find({}).to_list(None) == before


async def test_what_people_are_known_by_is_hashed_and_forgotten_with_them(installed: Installation) -> None:
    await stored(installed, customers=[ADA], leads=[LEAD])
    await phase(installed, "customers", 1)
    aliases = installed.client[f"{installed.prefix}_fulfillment"]["breach_aliases"]
    found = await aliases.find({}).to_list(None)
    assert found
    assert not any(word in str(found).lower() for word in ("ada", "example", "7'"))
    context = ScopeContext(installed.vault, finding=None, scopes=installed.scopes)  # type: ignore[arg-type]
    await forget_phase(BreachForgotten(request_id=INCIDENT, phase=1), context)
    assert await aliases.count_documents({}) == 0
