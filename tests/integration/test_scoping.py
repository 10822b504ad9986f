"""Whom a breach concerns is found by the data map, exactly, on real databases."""

from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

import pytest

from services.fulfillment.breach import scope_store
from services.fulfillment.breach.filters import FilterRefused
from services.fulfillment.breach.handlers import ScopeContext, forget
from services.fulfillment.breach.scope_store import BreachScope
from services.fulfillment.breach.search import AffectedSearch
from services.fulfillment.datamap.reader import parse
from shared.contract.events import RequestPurged
from shared.errors import HabeasError, InvalidDataMap, PermanentError
from shared.runtime.mongo import Client, translated
from tests.integration.scope_fixture import CALIFORNIA, GDPR, INCIDENT, NOON, Installation, declared

SHOP = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    meta: { habeas: { store: default, purpose: p, legal_basis: l, source: s } }
    collections:
      - name: people
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: name, data_categories: [user.name] }
          - { name: password, data_categories: [user.authorization.password] }
          - { name: language, data_categories: [user.demographic.language] }
          - name: home
            fields:
              - name: lines
                data_categories: [user.contact.address.street]
                fides_meta: { data_type: "string[]" }
              - { name: zip, data_categories: [user.contact.address.postal_code] }
              - { name: city, data_categories: [user.contact.address.city] }
              - { name: state, data_categories: [user.contact.address.state] }
              - { name: country, data_categories: [user.contact.address.country] }
          - name: emergency
            fields:
              - { name: name, data_categories: [user.name] }
              - { name: email, data_categories: [user.contact.email] }
      - name: devices
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - name: owner
            data_categories: [system.operations]
            fides_meta: { references: [{ dataset: shop, field: people._id, direction: from }] }
          - { name: model, data_categories: [user.device] }
      - name: positions
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - name: device
            data_categories: [system.operations]
            fides_meta: { references: [{ dataset: shop, field: devices._id, direction: from }] }
          - { name: point, data_categories: [user.location.precise] }
      - name: teams
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - { name: title, data_categories: [system.operations] }
          - name: members
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: mail, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: name, data_categories: [user.name] }
              - { name: job, data_categories: [user.job_title] }
"""
    }
)
PEOPLE = [
    {
        "_id": 1,
        "email": "ada@example.org",
        "name": "Ada Example",
        "password": "x",
        "language": "de",
        "home": {"lines": ["7 Quay"], "zip": "00042", "city": "Berlin", "country": "DE"},
        "emergency": {"name": "Carla Beispiel", "email": "carla@example.net"},
    },
    {"_id": 2, "email": " Ada@Example.ORG ", "name": "Ada Example", "language": "de"},
    {
        "_id": 3,
        "email": "bo@example.com",
        "name": "Bo Sample",
        "password": "y",
        "home": {"country": "United States", "state": "California"},
    },
    {"_id": 4, "name": "Nobody Known", "emergency": {"email": "friend@example.net"}},
]


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def shop(installed: Installation) -> None:
    await installed.business("shop", "people").insert_many(PEOPLE)
    await installed.business("shop", "devices").insert_many(
        [{"_id": 11, "owner": 1, "model": "m1"}, {"_id": 12, "owner": 3, "model": ""}]
    )
    await installed.business("shop", "positions").insert_many(
        [{"_id": 21, "device": 11, "point": [1.0, 2.0]}, {"_id": 22, "device": 99, "point": [3.0, 4.0]}]
    )
    await installed.business("shop", "teams").insert_one(
        {
            "_id": 31,
            "title": "T",
            "members": [
                {"mail": "ADA@example.org", "name": "Ada", "job": "Chief"},
                {"mail": "eve@example.org", "name": "Eve Muster", "job": "Clerk"},
            ],
        }
    )


def collection(name: str, /, **condition: Any) -> dict[str, Any]:
    return {"collection": name, "filter": condition}


async def test_everybody_in_the_records_is_found_once(installed: Installation) -> None:
    await shop(installed)
    told = await installed.scoped(declared(collections=[collection("shop.people")]))
    written = await installed.written_to()
    assert set(written) == {"Ada@Example.ORG", "bo@example.com"}
    ada = written["Ada@Example.ORG"]
    assert (ada.name, ada.place) == ("Ada Example", "DE")
    assert ada.postal == ("7 Quay", "00042 Berlin", "DE")
    assert "user.authorization.password" in ada.categories
    assert told.records == 4
    assert Counter({(g.place, g.language): g.people for g in told.groups}) == {
        ("DE", "de"): 1,
        ("US-CA", "en"): 1,
        (None, "en"): 3,
    }, "whom a record only mentions counts as well"


async def test_an_emergency_contact_is_not_written_to(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("people")]))
    people = [person for batch in await installed.batches() for person in batch.people]
    assert [one.name for one in people if one.email is None].count("Nobody Known") == 1, (
        "they are listed all the same"
    )
    assert not {"carla@example.net", "friend@example.net"} & set(await installed.written_to())


async def test_references_are_followed_over_two_hops_to_who_has_an_address(installed: Installation) -> None:
    await shop(installed)
    told = await installed.scoped(declared(collections=[collection("positions")]))
    written = await installed.written_to()
    assert set(written) == {"ada@example.org"}
    ada = written["ada@example.org"]
    assert (ada.name, ada.place, ada.categories) == ("Ada Example", "DE", ("user.location.precise",))
    assert sum(group.people for group in told.groups) == 2
    assert sum(group.unreachable for group in told.groups) == 1, "the device of nobody is person's"


async def test_a_record_is_no_bodys_where_it_holds_nothing_of_them(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("devices")]))
    assert set(await installed.written_to()) == {"ada@example.org"}, "of Bo nothing stands there"


async def test_each_element_of_an_array_that_people_share_is_its_own_persons(
    installed: Installation,
) -> None:
    await shop(installed)
    told = await installed.scoped(declared(collections=[collection("teams")]))
    written = await installed.written_to()
    assert {address: one.name for address, one in written.items()} == {
        "ADA@example.org": "Ada",
        "eve@example.org": "Eve Muster",
    }
    assert told.records == 1
    assert {(group.place, group.language) for group in told.groups} == {("DE", "de"), (None, "en")}
    assert written["eve@example.org"].categories == (
        "user.contact.email",
        "user.job_title",
        "user.name",
    )


async def test_the_same_person_is_one_whatever_collections_and_notations(installed: Installation) -> None:
    await shop(installed)
    breach = declared(
        collections=[collection(name) for name in ("people", "devices", "positions", "teams")],
        list=[{"email": "ADA@EXAMPLE.ORG", "categories": ["user.financial"]}],
    )
    await installed.scoped(breach)
    written = await installed.written_to()
    [ada] = [one for address, one in written.items() if address.lower() == "ada@example.org"]
    assert {"user.device", "user.job_title", "user.financial", "user.location.precise"} <= set(ada.categories)
    assert len(written) == 3


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        pytest.param({"_id": {"$in": [1, 2]}}, {"Ada@Example.ORG"}, id="some"),
        pytest.param({"_id": {"$numberLong": "3"}}, {"bo@example.com"}, id="extended JSON"),
        pytest.param({"name": "Nobody"}, set(), id="nobody"),
    ],
)
async def test_only_records_that_the_filter_finds_are_looked_at(
    installed: Installation, condition: dict[str, Any], found: set[str]
) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("people", **condition)]))
    assert set(await installed.written_to()) == found


async def test_a_record_that_two_filters_find_is_one(installed: Installation) -> None:
    await shop(installed)
    twice = [collection("people", _id=1), collection("shop.people", _id={"$lt": 3})]
    told = await installed.scoped(declared(collections=twice))
    assert told.records == 2


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        pytest.param(collection("people", **{"$where": "sleep(1)"}), "runs a script", id="where"),
        pytest.param(
            collection("people", **{"$expr": {"$function": {"body": "f", "args": [], "lang": "js"}}}),
            "`\\$function` runs a script",
            id="function",
        ),
        pytest.param(collection("pepole"), "the data map has no collection `pepole`", id="no collection"),
        pytest.param(collection("people", age={"$between": [1, 2]}), "none of the comparisons", id="unknown"),
        pytest.param(collection("people", age={"$in": 5}), "refused", id="not understood"),
    ],
)
async def test_what_cannot_be_followed_is_refused_before_anything_is_looked_for(
    installed: Installation, named: dict[str, Any], complaint: str
) -> None:
    await shop(installed)
    with pytest.raises(PermanentError, match=complaint):
        await installed.register(declared(collections=[named]))
    assert not await installed.replica().work(), "nothing waits that can never be done"
    assert complaint.replace("\\", "") in (await installed.failures())[1]


async def test_what_was_refused_is_scoped_once_its_slip_is_corrected(installed: Installation) -> None:
    breach = declared(collections=[collection("people")])
    for _ in range(2):
        with pytest.raises(InvalidDataMap):
            await installed.register(breach)
    assert "no such collection" in (await installed.failures())[1]
    await shop(installed)
    told = await installed.scoped(breach)
    assert (told.records, await installed.failures()) == (4, {})


async def test_why_a_phase_was_refused_goes_with_it(installed: Installation) -> None:
    with pytest.raises(InvalidDataMap):
        await installed.register(declared(collections=[collection("people")]))
    assert list(await installed.failures()) == [1]
    await installed.scopes.give_up(BreachScope(INCIDENT, 1, declaration=""))
    assert await installed.failures() == {}


async def test_next_phase_is_looked_for_after_one_is_given_up_and_not_before(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = installed.scopes
    await scopes.prepare()
    wakes: list[float] = []
    monkeypatch.setattr(scopes.enqueued, "within", wakes.append)
    phases = [BreachScope(INCIDENT, number, declaration="") for number in (1, 2)]
    for phase in phases:
        await scopes.take(phase)
    assert wakes == [0, 0]
    assert (await scopes.begin(NOON) or phases[1]).phase == 1
    wakes.clear()
    woken: dict[str, bool] = {}

    def noted(action: str) -> AbstractContextManager[None]:
        woken[action] = bool(wakes)
        return translated(action)

    monkeypatch.setattr(scope_store, "translated", noted)
    await scopes.give_up(phases[0])
    assert not woken["give up the scope of a breach"]
    assert wakes == [0]
    assert (await scopes.begin(NOON) or phases[0]).phase == 2


async def test_filter_by_an_unknown_field_is_an_error_and_no_empty_scope(installed: Installation) -> None:
    await shop(installed)
    with pytest.raises(FilterRefused, match="has; the nearest is `language`"):
        await installed.scoped(declared(collections=[collection("people", langauge="de")]))


async def test_a_filter_may_compare_what_the_map_leaves_out_and_records_have(installed: Installation) -> None:
    await shop(installed)
    await installed.business("shop", "people").update_one({"_id": 1}, {"$set": {"leaked": True}})
    told = await installed.scoped(declared(collections=[collection("people", leaked=True)]))
    assert told.records == 1


async def test_missing_collection_is_an_error_and_no_empty_scope(installed: Installation) -> None:
    with pytest.raises(InvalidDataMap, match="no such collection"):
        await installed.scoped(declared(collections=[collection("people")]))


async def test_person_notified_in_an_earlier_phase_is_not_notified_again(installed: Installation) -> None:
    await shop(installed)
    teams = collection("teams")
    await installed.scoped(declared(collections=[collection("people", _id=1), teams]))
    second = await installed.scoped(declared(collections=[collection("people"), teams]), phase=2)
    assert {one.lower() for one in await installed.written_to(1)} == {"ada@example.org", "eve@example.org"}
    assert set(await installed.written_to(2)) == {"bo@example.com"}
    assert sum(group.people for group in second.groups) == 3, "Ada and Eve are not counted again"


async def test_person_is_notified_once_a_law_demands_it(installed: Installation) -> None:
    await shop(installed)
    first = await installed.scoped(
        declared(collections=[collection("people", _id=3)], categories=["user.name"])
    )
    assert (first.chunks, [group.laws for group in first.groups]) == (0, [()])
    await installed.scoped(declared(collections=[collection("people", _id=3)]), phase=2)
    assert set(await installed.written_to(2)) == {"bo@example.com"}


async def test_only_what_was_breached_counts_where_that_is_declared(installed: Installation) -> None:
    await shop(installed)
    told = await installed.scoped(
        declared(collections=[collection("people")], categories=["user.authorization"])
    )
    written = await installed.written_to()
    assert {one.categories for one in written.values()} == {("user.authorization.password",)}
    assert told.categories == ("user.authorization.password",)
    assert sum(group.people for group in told.groups) == 2, "of Nobody Known no password is held"


LISTED = [
    {"name": "Kim Muster", "email": "kim@example.org", "locale": "fr-CA", "residence": {"country": "CA"}},
    {"name": "No Address", "residence": {"country": "US", "subdivision": "CA"}},
    {"name": "No Address", "residence": {"country": "US", "subdivision": "CA"}},
]


async def test_people_who_are_named_are_affected_as_it_is_said(installed: Installation) -> None:
    told = await installed.scoped(
        declared(list=LISTED, categories=["user.authorization.password"], records=9)
    )
    assert {(g.laws, g.place, g.language): (g.people, g.unreachable) for g in told.groups} == {
        ((), "CA", "fr"): (1, 0),
        ((CALIFORNIA,), "US-CA", "en"): (2, 2),
    }
    assert told.records == 9
    [batch] = await installed.batches()
    assert [(one.name, one.email) for one in batch.people] == [("No Address", None)] * 2


async def test_no_data_of_anybody_lies_in_clear(installed: Installation) -> None:
    await shop(installed)
    await installed.register(declared(collections=[collection("people"), collection("teams")]))
    replica = installed.replica(publish=_dies)
    with pytest.raises(_DiesError):
        await replica.work()
    everything = [one async for one in installed.people.find()]
    assert len(everything) == 6
    for document in everything:
        assert set(document) == {"_id", "incident", "phase", "group", "lacks", "sealed", "found"}
        sealed = {"sealed", "found"}
        clear = str({name: value for name, value in document.items() if name not in sealed}).lower()
        assert not any(word in clear for word in ("example", "ada", "eve", "nobody", "berlin"))
        assert not any(word in document["sealed"].lower() for word in (b"example", b"ada ", b"eve "))


async def test_people_stored_beside_the_batches_are_deleted_once_reported(
    installed: Installation,
) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("people")]))
    assert [set(one) & {"sealed"} async for one in installed.people.find()] == [set()] * 5


async def test_purged_incident_leaves_no_person_behind(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("people")]))
    ctx = ScopeContext(installed.vault, AffectedSearch(SHOP, installed.stores), installed.scopes)
    assert await forget(RequestPurged(request_id=INCIDENT), ctx) == []
    assert await installed.people.count_documents({}) == 0
    assert await installed.scopes.begin(installed.now) is None


CUSTOMERS: list[dict[str, Any]] = [
    {"id": "c1", "name": "One Ltd", "email": "breaches@one.example", "services": ["Edge"], "locale": "de"},
    {"id": "2", "name": "Two Ltd", "email": "breaches@two.example"},
    {"id": "c3", "name": "Three Ltd", "email": "breaches@three.example"},
]
HOSTED = parse(
    {
        "hosted.yml": """
dataset:
  - fides_key: hosted
    collections:
      - name: visitors
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: tenant, fields: [ { name: number, meta: { habeas: { controller: true } } } ] }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: logs
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: ip, data_categories: [user.device.ip_address] }
"""
    }
)
VISITORS = [
    {"_id": 1, "tenant": {"number": "c1"}, "email": "v1@example.org"},
    {"_id": 2, "tenant": {"number": 2}, "email": "v2@example.org"},
    {"_id": 3, "tenant": {"number": "c9"}, "email": "v3@example.org"},
    {"_id": 4, "tenant": {"number": "c3"}, "email": "v4@example.org"},
    {"_id": 5, "tenant": {"number": None}, "email": "v5@example.org"},
    {"_id": 6, "email": "v6@example.org"},
    {"_id": 7, "tenant": {"number": 2.0}, "email": "v7@example.org"},
    {"_id": 8, "tenant": {"number": " C1 "}, "email": "v8@example.org"},
    {"_id": 9, "tenant": {"number": ["c1", "c3"]}, "email": "v9@example.org"},
    {"_id": 10, "tenant": {"number": ["c1", "c9"]}, "email": "v10@example.org"},
]


ONE, TWO, THREE = "breaches@one.example", "breaches@two.example", "breaches@three.example"
EVERY = {ONE, TWO, THREE}


def visitors(*ids: int) -> dict[str, Any]:
    return collection("visitors", _id={"$in": list(ids)})


@pytest.mark.parametrize(
    ("named", "told", "people", "unnamed"),
    [
        pytest.param([], EVERY, 0, 0, id="nothing named"),
        pytest.param([visitors(1, 2)], {ONE, TWO}, 2, 0, id="found"),
        pytest.param([visitors(1, 2), collection("logs")], EVERY, 3, 0, id="nothing tells"),
        pytest.param([visitors(7)], {TWO}, 1, 0, id="a number of another type"),
        pytest.param([visitors(8)], {ONE}, 1, 0, id="another notation"),
        pytest.param([visitors(9)], {ONE, THREE}, 1, 0, id="several"),
        pytest.param([visitors(1, 3)], EVERY, 2, 1, id="one that is not listed"),
        pytest.param([visitors(1, 5, 6)], EVERY, 3, 2, id="nobody named"),
        pytest.param([visitors(10)], EVERY, 1, 1, id="listed and not listed"),
    ],
)
async def test_processor_notifies_only_customers_with_affected_records(
    installed: Installation, named: list[dict[str, Any]], told: set[str], people: int, unnamed: int
) -> None:
    installed.data_map = HOSTED
    await installed.business("hosted", "visitors").insert_many(VISITORS)
    await installed.business("hosted", "logs").insert_one({"_id": 1, "ip": "192.0.2.1"})
    breach = declared(role="processor", controllers=CUSTOMERS, collections=named)
    scoped = await installed.scoped(breach)
    batches = await installed.batches()
    assert {batch.to for batch in batches} == {"controllers"}
    assert set(await installed.written_to()) == told
    assert sum(group.people for group in scoped.groups) == people
    assert scoped.unnamed == unnamed
    assert all(not group.laws for group in scoped.groups), "their controllers tell the people"


async def test_of_no_listed_customer_there_is_at_least_a_number(installed: Installation) -> None:
    installed.data_map = HOSTED
    await installed.business("hosted", "visitors").insert_many(VISITORS)
    scoped = await installed.scoped(declared(role="processor", collections=[collection("visitors")]))
    assert (scoped.chunks, scoped.unnamed) == (0, len(VISITORS))


async def test_controller_needs_no_customer_for_its_own_people(installed: Installation) -> None:
    installed.data_map = HOSTED
    await installed.business("hosted", "visitors").insert_many(VISITORS)
    assert (await installed.scoped(declared(collections=[collection("visitors")]))).unnamed == 0


async def test_a_customer_is_written_to_at_its_own_domain_and_not_at_one_that_looks_alike(
    installed: Installation,
) -> None:
    """RFC 5891: ``ß`` is no ``ss``, as the standard library has it."""
    customer = {"id": "c1", "name": "One Ltd", "email": "breaches@fußball.example"}
    await installed.scoped(declared(role="processor", controllers=[customer]))
    assert set(await installed.written_to()) == {"breaches@xn--fuball-cta.example"}


async def test_customer_is_notified_of_the_services_that_it_uses_in_its_own_language(
    installed: Installation,
) -> None:
    await installed.scoped(declared(role="processor", controllers=CUSTOMERS, categories=["user.name"]))
    german, english = await installed.batches()
    assert (german.laws, german.language, [one.name for one in german.people]) == ((GDPR,), "de", ["One Ltd"])
    assert german.people[0].services == ("Edge",)
    assert (english.language, len(english.people)) == ("en", 2)


class _DiesError(HabeasError):
    pass


async def _dies(_messages: object) -> None:
    raise _DiesError("gone")


async def test_no_batch_is_larger_than_it_may_be_nor_of_two_laws_or_languages(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fulfillment.breach.scope_job.MOST_IN_BATCH", 2)
    people = [
        {"email": f"{country}{number}@example.org", "residence": {"country": country}}
        for country, many in (("DE", 5), ("FR", 2), ("IE", 1))
        for number in range(many)
    ]
    told = await installed.scoped(declared(list=people))
    batches = await installed.batches()
    assert told.chunks == 5
    assert [(batch.language, len(batch.people)) for batch in batches] == [
        ("de", 2),
        ("de", 2),
        ("de", 1),
        ("en", 1),
        ("fr", 2),
    ]
