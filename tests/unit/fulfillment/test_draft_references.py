"""References between fields, and those along which one person's records are found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.fulfillment.datamap.model import Direction
from services.fulfillment.drafting.ownership import EMAIL as EMAIL_ADDRESS
from services.fulfillment.drafting.ownership import (
    NAME,
    PHONE,
    IdentityField,
    beside,
    followed,
    marks_of,
    own_key,
)
from services.fulfillment.drafting.references import (
    End,
    Overlap,
    ReferenceLink,
    candidates,
    chosen,
    essential_names,
    leads_by_name,
    scored,
)
from services.fulfillment.drafting.schema import CollectionOutline, Inference, RecordKey, key_of, spellings
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

HEX = "5473c680a833b3b8f9000002"
TEXT = "a3e1c6d2-0000-4000-8000-00000000002a"
EMAIL = IdentityField("email", "email", 0.9, "", None)


def outline(name: str, documents: Sequence[dict[str, Any]]) -> CollectionOutline:
    seen = Inference()
    for document in documents:
        seen.add(document)
    return CollectionOutline("default", "shop", name, len(documents), len(documents), seen.properties())


def end(where: CollectionOutline, path: str) -> End:
    return End(where, where.by_path[path])


def link(
    source: End, target: End, overlap: Overlap, names: Sequence[str] = ("customers", "orders")
) -> ReferenceLink:
    return scored(source, target, overlap, frozenset({"shop.customers"}), names)


def customers(count: int = 200) -> CollectionOutline:
    return outline("customers", [{"_id": n, "email": f"person{n}@example.org"} for n in range(1, count + 1)])


# --- keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param((42, Int64(42), 42.0, "42", Decimal128("42")), id="numbers"),
        pytest.param((ObjectId(HEX), HEX, HEX.upper()), id="ObjectId"),
        pytest.param((Binary.from_uuid(UUID(TEXT)), TEXT, TEXT.upper(), TEXT.replace("-", "")), id="UUID"),
    ],
)
def test_a_key_is_one_however_it_is_stored(spelled: tuple[Any, ...]) -> None:
    [key] = {key_of(value) for value in spelled}
    assert key is not None
    assert {key_of(value) for value in spellings(key)} == {key}


@pytest.mark.parametrize("value", [None, True, "", "two words", 1.5, Decimal128("12.00"), {"a": 1}])
def test_value_that_names_nothing_is_no_key(value: Any) -> None:
    assert key_of(value) is None


def test_a_number_with_leading_zeros_is_text() -> None:
    assert key_of("007") == RecordKey("text", "007")


# --- how sure -----------------------------------------------------------------------------------------


def test_opaque_keys_that_are_found_make_a_reference_without_any_name() -> None:
    users = outline("k1", [{"_id": ObjectId()} for _ in range(50)])
    notes = outline("k2", [{"_id": n, "f7": document} for n, document in enumerate([ObjectId()] * 9, 1)])
    assert link(end(notes, "f7"), end(users, "_id"), Overlap(9, 9)).confidence > 0.9


def test_random_keys_that_end_with_a_digit_are_no_series() -> None:
    keys = [f"{chr(97 + n % 26)}{n:x}Qz{n % 7}x{n % 10}" for n in range(100)]
    users = outline("k1", [{"_id": key} for key in keys])
    notes = outline("k2", [{"_id": n, "u": {"_id": key}} for n, key in enumerate(keys * 2)])
    assert link(end(notes, "u._id"), end(users, "_id"), Overlap(60, 60)).confidence > 0.9


def test_a_series_of_numbers_is_no_reference_because_the_numbers_are_there() -> None:
    orders = outline("orders", [{"_id": n, "quantity": n % 9 + 1} for n in range(1, 400)])
    assert link(end(orders, "quantity"), end(customers(), "_id"), Overlap(9, 9)).confidence < 0.2


def test_a_fitting_name_makes_a_series_of_numbers_a_reference() -> None:
    orders = outline("orders", [{"_id": n, "customer_id": n % 199 + 1} for n in range(1, 400)])
    assert link(end(orders, "customer_id"), end(customers(), "_id"), Overlap(60, 60)).confidence > 0.85


def test_a_name_does_not_help_where_the_values_are_not() -> None:
    orders = outline("orders", [{"_id": n, "customer_id": n * 7919} for n in range(1, 400)])
    assert link(end(orders, "customer_id"), end(customers(), "_id"), Overlap(60, 3)).confidence < 0.2


def test_a_name_that_points_at_another_collection_points_away() -> None:
    named = leads_by_name("order_id", "customers", "_id", people=True, others=("customers", "orders"))
    assert named.score == 0


def test_a_collection_may_share_its_primary_key_with_another() -> None:
    settings = outline("customer_settings", [{"_id": n} for n in range(1, 200)])
    others = outline("reports", [{"_id": n} for n in range(1, 200)])
    found = Overlap(60, 60)
    assert link(end(settings, "_id"), end(customers(), "_id"), found).confidence > 0.6
    assert link(end(others, "_id"), end(customers(), "_id"), found).confidence < 0.5


def test_repeated_target_value_names_no_record() -> None:
    orders = outline("orders", [{"_id": n, "customer_id": n} for n in range(1, 99)])
    found = Overlap(60, 60, target_unique=False)
    assert link(end(orders, "customer_id"), end(customers(), "_id"), found).confidence == 0


@pytest.mark.parametrize(
    ("field", "collection"),
    [
        ("customer_id", "customers"),
        ("customerNo", "customers"),
        ("cust_id", "customers"),
        ("usrId", "users"),
        ("kundennummer", "kunden"),
        ("kundeId", "kunden"),
        ("id_cliente", "clientes"),
        ("companyId", "companies"),
        ("order.customer.id", "customers"),
        ("customer", "customers"),
        ("userid", "users"),
        ("fk_user", "users"),
    ],
)
def test_names_lead_to_collections(field: str, collection: str) -> None:
    assert leads_by_name(field, collection, "_id", people=False).score >= 0.6


@pytest.mark.parametrize("field", ["quantity", "age", "score", "year", "paid", "total"])
def test_other_names_lead_nowhere(field: str) -> None:
    assert leads_by_name(field, "customers", "_id", people=True).score == 0


@pytest.mark.parametrize("field", ["customer_count", "qty_customers", "customer_score"])
def test_quantity_of_records_refers_to_none(field: str) -> None:
    assert leads_by_name(field, "customers", "_id", people=True).score == 0


def test_words_that_most_collections_share_say_nothing() -> None:
    names = ("shop_users", "shop_roles_users", "shop_orders", "customer_entity")
    assert essential_names(names) == {
        "shop_users": "users",
        "shop_roles_users": "roles_users",
        "shop_orders": "orders",
        "customer_entity": "customer",
    }
    assert essential_names(("users", "orders"))["users"] == "users"


def test_longer_word_is_no_shortening_of_a_collection() -> None:
    assert leads_by_name("user_agent", "users", "_id", people=False).score == 0


def test_name_points_at_the_best_fitting_collection() -> None:
    others = ("users", "user_emails")
    scores = [leads_by_name("user_id", name, "id", people=True, others=others).score for name in others]
    assert scores[0] > 0.9
    assert scores[1] < 0.6


def test_parent_is_the_record_that_the_collection_is_a_part_of() -> None:
    scores = [
        leads_by_name("parent_id", name, "entity_id", people=False, within="sales_order_address").score
        for name in ("sales_order", "customer")
    ]
    assert scores[0] > 0.7
    assert scores[1] < 0.3


def test_key_of_a_collection_refers_to_no_other_series() -> None:
    orders = outline("orders", [{"id": n, "customer_id": n} for n in range(1, 99)])
    people = outline("customers", [{"customer_id": n} for n in range(1, 99)])
    pairs = {(one.name, other.name) for one, other in candidates((orders, people))}
    assert pairs == {("shop.orders.customer_id", "shop.customers.customer_id")}


def test_low_numbers_that_are_repeated_count_and_refer_to_none() -> None:
    posts = outline("posts", [{"id": n, "post_number": n % 9 + 1} for n in range(1, 600)])
    actions = outline("actions", [{"id": n, "post_number": n % 9 + 1} for n in range(1, 600)])
    found = Overlap(9, 9)
    assert link(end(actions, "post_number"), end(posts, "id"), found, ("posts", "actions")).confidence < 0.5


def test_key_of_the_named_collection_is_the_target_among_equal_values() -> None:
    orders = outline("orders", [{"id": n} for n in range(1, 99)])
    stats = outline("order_stats", [{"order_id": n} for n in range(1, 99)])
    items = outline("items", [{"order_id": n} for n in range(1, 99)])
    names, found, source = ("orders", "order_stats", "items"), Overlap(60, 60), end(items, "order_id")
    links = [link(source, target, found, names) for target in (end(stats, "order_id"), end(orders, "id"))]
    assert [one.target.outline.name for one in chosen(links)] == ["orders"]


def test_numbers_text_and_hex_are_candidates_for_one_another() -> None:
    users = outline("users", [{"_id": n} for n in range(1, 30)])
    notes = outline("notes", [{"_id": ObjectId(), "user_id": str(n)} for n in range(1, 30)])
    pairs = {(one.field.path, other.outline.name) for one, other in candidates((users, notes))}
    assert ("user_id", "users") in pairs


def test_addresses_and_names_are_identities_and_no_references() -> None:
    one = customers()
    two = outline("letters", [{"_id": n, "email": f"person{n}@example.org"} for n in range(1, 50)])
    assert not [source for source, _ in candidates((one, two)) if "email" in source.field.path]


def test_a_field_has_one_target() -> None:
    orders = outline("orders", [{"_id": n, "customer_id": n % 50} for n in range(1, 200)])
    source, right, wrong = end(orders, "customer_id"), end(customers(), "_id"), end(orders, "_id")
    assert [
        one.target
        for one in chosen(
            [ReferenceLink(source, wrong, 0.6, "", 1), ReferenceLink(source, right, 0.9, "", 1)]
        )
    ] == [right]


NAMED = outline("people", [{"_id": n, "last_name": "Example"} for n in range(1, 99)])
NAMELESS = outline("passwords", [{"_id": n, "hash": "x"} for n in range(1, 99)])


@pytest.mark.parametrize(
    ("winner", "better", "loser", "worse"),
    [
        pytest.param(NAMELESS, {"named": 0.9}, NAMED, {"named": 0.2, "agreement": 0.9}, id="its name"),
        pytest.param(NAMELESS, {"keyed": True}, NAMED, {}, id="the key of its collection"),
        pytest.param(NAMED, {}, NAMELESS, {}, id="records with a person's name"),
    ],
)
def test_target_is_chosen_by_all_evidence(
    winner: CollectionOutline, better: dict[str, Any], loser: CollectionOutline, worse: dict[str, Any]
) -> None:
    orders = outline("orders", [{"_id": n, "customer_id": n % 50} for n in range(1, 200)])
    source = end(orders, "customer_id")
    right = ReferenceLink(source, end(winner, "_id"), 0.9, "", 1, **better)
    wrong = ReferenceLink(source, end(loser, "_id"), 0.9, "", 1, **worse)
    assert [one.target.outline for one in chosen([wrong, right])] == [winner]


def test_two_fields_refer_to_one_another_once() -> None:
    profiles = outline("profiles", [{"_id": ObjectId(), "customer_id": n} for n in range(1, 50)])
    ours, theirs = end(profiles, "customer_id"), end(customers(), "_id")
    assert (
        len(chosen([ReferenceLink(ours, theirs, 0.9, "", 1), ReferenceLink(theirs, ours, 0.8, "", 0.25)]))
        == 1
    )


# --- ownership ----------------------------------------------------------------------------------------


def directions(*links: ReferenceLink, **identities: IdentityField) -> list[Direction | None]:
    named = {f"shop.{name}": (identity,) for name, identity in identities.items()}
    return [one.direction for one in followed(links, named)]


ORDERS = outline("orders", [{"_id": n, "customer_id": 1, "product_id": 2, "seller_id": 3} for n in range(30)])
ITEMS = outline("items", [{"_id": n, "order_id": n % 5} for n in range(30)])
PRODUCTS = outline("products", [{"_id": n} for n in range(30)])
TO_CUSTOMER = ReferenceLink(end(ORDERS, "customer_id"), end(customers(), "_id"), 0.9, "", 1)
TO_ORDER = ReferenceLink(end(ITEMS, "order_id"), end(ORDERS, "_id"), 0.9, "", 1)
TO_PRODUCT = ReferenceLink(end(ORDERS, "product_id"), end(PRODUCTS, "_id"), 0.9, "", 1)


def test_records_are_found_from_the_person_through_as_many_collections_as_it_takes() -> None:
    assert directions(TO_ORDER, TO_CUSTOMER, customers=EMAIL) == [Direction.FROM, Direction.FROM]


def test_record_of_many_people_is_not_followed() -> None:
    assert directions(TO_CUSTOMER, TO_PRODUCT, customers=EMAIL) == [Direction.FROM, None]


@pytest.mark.parametrize(
    ("collection", "field", "followed_from"),
    [
        pytest.param("assets", "created_by", False, id="of a thing"),
        pytest.param("files", "creatorId", True, id="of a record about no other"),
        pytest.param("assets", "assigned_to", True, id="another role"),
    ],
)
def test_person_that_entered_the_record_of_a_thing_does_not_own_it(
    collection: str, field: str, *, followed_from: bool
) -> None:
    records = outline(collection, [{"_id": n, field: n % 5} for n in range(30)])
    entered = ReferenceLink(end(records, field), end(customers(), "_id"), 0.9, "", 1)
    assert directions(entered, customers=EMAIL) == [Direction.FROM if followed_from else None]


def test_person_that_entered_a_record_about_another_does_not_own_it() -> None:
    notes = outline("notes", [{"_id": n, "customer_id": n % 5, "updated_by": n % 3} for n in range(30)])
    people = end(customers(), "_id")
    about, entered = (
        ReferenceLink(end(notes, path), people, 0.9, "", 1) for path in ("customer_id", "updated_by")
    )
    assert directions(about, entered, customers=EMAIL) == [Direction.FROM, None]
    (_, second) = followed([about, entered], {"shop.customers": (EMAIL,)})
    assert second.because == "it leads to the person that entered the record, not to the one it is about"


def test_records_that_refer_to_another_person_are_not_those_of_the_record_above_them() -> None:
    others, same = replace(TO_ORDER, owners=0.1), replace(TO_ORDER, owners=0.9)
    assert directions(others, TO_CUSTOMER, customers=EMAIL) == [None, Direction.FROM]
    assert directions(same, TO_CUSTOMER, customers=EMAIL) == [Direction.FROM, Direction.FROM]
    named = replace(others, agreement=0.9)
    assert directions(named, TO_CUSTOMER, customers=EMAIL) == [Direction.FROM, Direction.FROM]


PROSE = " ".join(["word"] * 14)


@pytest.mark.parametrize(
    ("collection", "field", "category"),
    [
        pytest.param("visits", "patient_id", "user.health_and_medical", id="beside a patient"),
        pytest.param("allergies", "person", "user.health_and_medical", id="in a collection about health"),
        pytest.param("tickets", "customer_id", "user.content.private", id="elsewhere"),
    ],
)
def test_text_about_a_patient_is_about_health(collection: str, field: str, category: str) -> None:
    seen = beside(outline(collection, [{field: n, "notes": f"{PROSE} {n}"} for n in range(30)]), ())
    assert (top := seen.by_path["notes"].category) is not None
    assert top.category == category


def test_nothing_is_followed_without_an_identity() -> None:
    assert directions(TO_CUSTOMER, TO_ORDER) == [None, None]


@pytest.mark.parametrize(
    ("category", "ours", "theirs"),
    [
        pytest.param(NAME, {"ada", "example"}, {"example, ada"}, id="first and last name, full name"),
        pytest.param(NAME, {"dr. a. example"}, {"ada example"}, id="title and initial"),
        pytest.param(PHONE, {"+49 30 23125 999"}, {"(030) 23125-999"}, id="notations of a number"),
        pytest.param(EMAIL_ADDRESS, {"ada@example.org"}, {"Ada@example.org "}, id="case of an address"),
    ],
)
def test_notations_of_one_person_are_alike(category: str, ours: set[str], theirs: set[str]) -> None:
    assert not marks_of(category, ours).isdisjoint(marks_of(category, theirs))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param({"ada", "example"}, {"anna muster"}, id="other names"),
        pytest.param({"dr. ada example"}, {"dr. anna muster"}, id="one title"),
        pytest.param({"ada van example"}, {"anna van muster"}, id="one particle"),
        pytest.param({"a. example"}, {"a. muster"}, id="one initial"),
    ],
)
def test_names_of_two_people_are_not_alike(ours: set[str], theirs: set[str]) -> None:
    assert marks_of(NAME, ours).isdisjoint(marks_of(NAME, theirs))


def test_two_records_that_name_different_people_are_not_joined() -> None:
    apart = ReferenceLink(end(ORDERS, "customer_id"), end(customers(), "_id"), 0.9, "", 1, agreement=0.0)
    assert directions(apart, customers=EMAIL, orders=EMAIL) == [None]


def test_a_reference_to_its_own_kind_leads_to_other_people() -> None:
    staff = outline("staff", [{"_id": n, "email": "x", "manager_id": 1} for n in range(30)])
    up = ReferenceLink(end(staff, "manager_id"), end(staff, "_id"), 0.9, "", 1)
    assert directions(up, staff=EMAIL) == [None]


def test_record_with_one_persons_references_is_theirs() -> None:
    people = outline("people", [{"_id": n, "profile_id": n + 100} for n in range(30)])
    profiles = outline("profiles", [{"_id": n + 100} for n in range(30)])
    own = ReferenceLink(end(people, "profile_id"), end(profiles, "_id"), 0.9, "", 1)
    assert directions(own, people=EMAIL) == [Direction.TO]


def test_element_of_a_shared_array_does_not_own_the_document() -> None:
    groups = outline("groups", [{"_id": n, "members": [{"email": "x"}]} for n in range(30)])
    posts = outline("posts", [{"_id": n, "group_id": n} for n in range(30)])
    inside = IdentityField("members.email", "email", 0.9, "", "members")
    assert directions(
        ReferenceLink(end(posts, "group_id"), end(groups, "_id"), 0.9, "", 1), groups=inside
    ) == [None]


# --- identities ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "documents", "found"),
    [
        pytest.param("posts", {"_id": 1, "username": "ada"}, ("username", "username"), id="a username"),
        pytest.param(
            "listings",
            {"host": {"host_id": 4, "host_name": "Ada"}},
            ("host.host_id", "host_id"),
            id="beside a name",
        ),
        pytest.param(
            "grades", {"_id": ObjectId(), "student_id": 3}, ("student_id", "student_id"), id="by its name"
        ),
        pytest.param("tweets", {"user": {"id": 3}}, ("user.id", "user_id"), id="by the object it is in"),
        pytest.param("users", {"_id": 3, "about": "x"}, ("_id", "user_id"), id="by the collection"),
        pytest.param(
            "vets", {"id": 3, "first_name": "Ada", "last_name": "Example"}, ("id", "vet_id"), id="own name"
        ),
        pytest.param(
            "orders",
            {"id": 3, "buyer_first_name": "Ada", "buyer_last_name": "Example"},
            None,
            id="other's name",
        ),
        pytest.param("products", {"_id": 3, "product_id": 4, "name": "Oak Table"}, None, id="no person"),
    ],
)
def test_people_without_addresses_are_identified_by_a_key(
    name: str, documents: dict[str, Any], found: tuple[str, str] | None
) -> None:
    key = own_key(outline(name, [documents]), referring=())
    assert (key and (key.path, key.name)) == found


def test_a_field_that_refers_to_something_else_is_no_key() -> None:
    assert (
        own_key(outline("grades", [{"_id": ObjectId(), "student_id": 3}]), referring={"student_id"}) is None
    )


def test_shared_record_does_not_connect_people() -> None:
    firms = outline("firms", [{"_id": n, "email": "x"} for n in range(30)])
    people = outline("people", [{"_id": n, "email": "y", "firm_id": n % 5} for n in range(30)])
    projects = outline("projects", [{"_id": n, "firm_id": n % 5} for n in range(30)])
    shared = ReferenceLink(end(people, "firm_id"), end(firms, "_id"), 0.9, "", 1, agreement=0.0, crowd=1.0)
    theirs = ReferenceLink(end(projects, "firm_id"), end(firms, "_id"), 0.9, "", 1)
    assert directions(shared, theirs, firms=EMAIL, people=EMAIL) == [None, None]
    assert directions(theirs, firms=EMAIL, people=EMAIL) == [Direction.FROM]


def test_person_with_many_references_is_still_one() -> None:
    doctors = outline("doctors", [{"_id": n, "email": "x", "last_name": "Muster"} for n in range(30)])
    patients = outline("patients", [{"_id": n, "email": "y", "doctor_id": n % 5} for n in range(30)])
    visits = outline("visits", [{"_id": n, "doctor_id": n % 5} for n in range(30)])
    shared = ReferenceLink(
        end(patients, "doctor_id"), end(doctors, "_id"), 0.9, "", 1, agreement=0.0, crowd=1.0
    )
    theirs = ReferenceLink(end(visits, "doctor_id"), end(doctors, "_id"), 0.9, "", 1)
    assert directions(shared, theirs, doctors=EMAIL, patients=EMAIL) == [None, Direction.FROM]


def test_the_records_of_several_people_are_not_those_of_the_one_they_refer_to() -> None:
    doctors = outline("doctors", [{"_id": n, "email": "x", "last_name": "Muster"} for n in range(30)])
    patients = outline("patients", [{"_id": n, "phone": "y", "doctor_id": n % 5} for n in range(30)])
    shared = ReferenceLink(end(patients, "doctor_id"), end(doctors, "_id"), 0.9, "", 1, crowd=1.0)
    assert directions(shared, doctors=EMAIL, patients=EMAIL) == [None]


def test_records_that_mostly_name_their_target_are_followed_despite_other_recipients() -> None:
    some = ReferenceLink(
        end(ORDERS, "customer_id"), end(customers(), "_id"), 0.9, "", 1, agreement=0.6, crowd=0.8
    )
    assert directions(some, customers=EMAIL) == [Direction.FROM]


def test_numbers_that_fill_half_a_series_are_found_there_by_accident() -> None:
    halls = outline("halls", [{"_id": ObjectId(), "number": n * 2 + n % 2} for n in range(400)])
    films = outline("films", [{"_id": ObjectId(), "year": n} for n in range(300, 400)])
    assert link(end(films, "year"), end(halls, "number"), Overlap(60, 39)).confidence < 0.5
