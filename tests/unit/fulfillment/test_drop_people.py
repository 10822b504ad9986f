"""The people that one hash has found, and the right exercised for them."""

import pytest

from services.fulfillment.drop.fields import (
    MOST_DESCRIPTIONS,
    Hash,
    HashedPerson,
    MatchedPerson,
    followed,
    matched_person,
    people_of_lead,
    right_for,
)
from shared.contract.drop import ListKind
from shared.law import Right

HOME = ("phone_number", "030 555")
ANNA, BEN = ("email", "anna@example.org"), ("email", "ben@example.org")
NUMBER = ("customer_no", "7")


def one(
    *names: str,
    known_by: tuple[tuple[str, str], ...] = (HOME,),
    fresh: bool = True,
    births: tuple[str, ...] = (),
) -> MatchedPerson:
    return MatchedPerson(names, known_by, known_by[0] if known_by else None, fresh, births)


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([one("Anna Quast")], id="one record"),
        pytest.param([one("Anna Quast"), one("Quast, Anna")], id="another order"),
        pytest.param([one("Anna Quast"), one("Anna Maria Quast")], id="a second name left out"),
        pytest.param([one("Smith"), one("Smith")], id="twice the same"),
        pytest.param([one("Anna Quast", known_by=(HOME, ANNA)), one()], id="a record that tells no more"),
        pytest.param([one(known_by=(HOME, ANNA)), one()], id="one address, no name at all"),
        pytest.param(
            [one("Anna Quast", known_by=(HOME, ("maid", "1"))), one("Anna Quast", known_by=(("maid", "2"),))],
            id="two telephones",
        ),
        pytest.param(
            [
                one(known_by=(("phone_number", "415-555-0100"),)),
                one(known_by=(("phone_number", "+1 415 5550100"),)),
            ],
            id="two notations",
        ),
        pytest.param(
            [one("Anna Quast", births=("19850407", "19850704")), one("Anna Quast", births=("19850704",))],
            id="a birth that may be another's",
        ),
        pytest.param([], id="empty"),
    ],
)
def test_one_person_is_erased(people: list[MatchedPerson]) -> None:
    assert right_for(people) is Right.ERASURE


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Anna Quast", "Ben Quast"),
        ("Anna Quast", "Anton Quast"),
        ("Anna Quast", "A. Quast"),
        ("Anna Quast", "Quast"),
        ("John Smith", "Joan Smith"),
        ("John Smith", "Jon Smith"),
        ("John Smith", "John Smith Jr"),
        ("John Smith Sr", "John Smith Jr"),
        ("Maria Garcia", "Mario Garcia"),
        ("Daniel Lee", "Danielle Lee"),
        ("J", "Jane"),
        ("J Smith", "Jane Smith"),
        ("Smith", "Mary Smith"),
        ("Anna Maria Quast", "Anna Berta Quast"),
    ],
)
def test_names_that_are_not_wholly_the_same_may_be_two_people_s(name: str, other: str) -> None:
    assert right_for([one(name), one(other)]) is Right.OPT_OUT_OF_SALE
    assert right_for([one(name, other)]) is Right.OPT_OUT_OF_SALE


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(
            [one("John Smith", known_by=(HOME, ANNA)), one("John Smith", known_by=(HOME, BEN))],
            id="father and son of one name",
        ),
        pytest.param(
            [one("John Smith", births=("19500101",)), one("John Smith", births=("19800101",))],
            id="two dates of birth",
        ),
        pytest.param(
            [one("Kim Wolke", known_by=(HOME, NUMBER)), one("Kim Wolke", known_by=(("customer_no", "8"),))],
            id="two customer numbers",
        ),
        pytest.param(
            [one("Anna Quast", known_by=(HOME, ANNA)), one(known_by=(HOME, BEN))],
            id="a nameless record with another mailbox",
        ),
        pytest.param(
            [one("Anna Quast"), one(known_by=(HOME, BEN))], id="a nameless record with a mailbox of its own"
        ),
        pytest.param([one("Anna Quast"), one(births=("19800101",))], id="a nameless record with a birth"),
        pytest.param([one("Anna Quast"), one(), one("Ben Lohse")], id="a nameless one connects no others"),
        pytest.param([one(known_by=(HOME, ANNA)), one(known_by=(HOME, BEN))], id="two addresses"),
    ],
)
def test_records_of_possibly_two_people_are_not_erased(people: list[MatchedPerson]) -> None:
    assert right_for(people) is Right.OPT_OUT_OF_SALE


def test_an_identifier_of_very_many_is_no_single_person_s() -> None:
    many = [
        one("Anna Quast", known_by=(("email", f"{n}@example.org"),)) for n in range(MOST_DESCRIPTIONS + 1)
    ]
    assert right_for(many) is Right.OPT_OUT_OF_SALE


def test_each_identity_is_followed_once_and_only_from_fresh_records() -> None:
    again = one(known_by=(("email", "Anna@Example.org"),))
    people = [one(known_by=(ANNA,)), again, one(known_by=(BEN,), fresh=False), one(known_by=())]
    assert followed(people, Right.ERASURE) == [("email", "Anna@Example.org")]


def test_records_without_identities_are_referred_once() -> None:
    assert followed([one(known_by=()), one(known_by=())], Right.ERASURE) == [None]
    assert followed([], Right.ERASURE) == []


def test_several_people_are_named_by_their_own_identities() -> None:
    anna = MatchedPerson(("Anna Quast",), (ANNA, HOME), HOME, fresh=True)
    ben = MatchedPerson(("Ben Quast",), (BEN, HOME), HOME, fresh=False)
    assert followed([anna, ben, MatchedPerson((), (), HOME, fresh=True)], Right.OPT_OUT_OF_SALE) == [
        ANNA,
        BEN,
        HOME,
    ]


def test_person_is_matched_by_a_wanted_hash_alone() -> None:
    mine = Hash(ListKind.EMAIL, "h", ANNA)
    person = HashedPerson((mine, Hash(ListKind.PHONE, "p")), ("Anna Quast",), (ANNA, HOME))
    assert matched_person(person, lambda h: h == mine, fresh=True) == MatchedPerson(
        ("Anna Quast",), (ANNA, HOME), ANNA, fresh=True
    )
    assert matched_person(person, lambda h: h.value == "other", fresh=True) is None


def test_unsearchable_hash_is_followed_by_another_identity() -> None:
    person = HashedPerson((Hash(ListKind.PHONE, "p"),), (), (ANNA, HOME))
    found = matched_person(person, lambda h: h.kind is ListKind.PHONE, fresh=True)
    assert found is not None
    assert found.follow == ANNA


def test_a_customer_number_is_surer_than_the_mailbox_of_a_family() -> None:
    person = HashedPerson((Hash(ListKind.NDZ, "n"),), ("Anna Quast",), (ANNA, HOME, NUMBER))
    found = matched_person(person, lambda _: True, fresh=True)
    assert found is not None
    assert found.follow == NUMBER


def test_lead_means_the_people_with_it_or_else_all() -> None:
    anna, ben = HashedPerson((), ("Anna Quast",), (ANNA,)), HashedPerson((), ("Ben Lohse",), (BEN,))
    assert [found.names for found in people_of_lead([anna, ben], ("email", "ANNA@example.org"))] == [
        anna.names
    ]
    assert [found.names for found in people_of_lead([anna, ben], ("email", "x@example.org"))] == [
        anna.names,
        ben.names,
    ]


POSING = HashedPerson((Hash(ListKind.PHONE, "mine"),), ("Anna Quast",), (ANNA,))
"""A record of the attacker: a number of theirs not searched by, and the name and address of the victim."""


def wanted(one: Hash) -> bool:
    return one.value == "mine"


def test_claimed_address_erases_nothing() -> None:
    found = matched_person(POSING, wanted, fresh=True)
    assert found is not None
    assert right_for([found]) is Right.OPT_OUT_OF_SALE


@pytest.mark.parametrize("record", ["the same record", "another record"])
def test_address_that_is_verified_leads_to_an_erasure(record: str) -> None:
    verified = HashedPerson(POSING.hashes, POSING.names, POSING.known_by, verified=frozenset({ANNA}))
    others = [POSING] if record == "another record" else []
    people = [
        one for some in (verified, *others) if (one := matched_person(some, wanted, fresh=True)) is not None
    ]
    assert right_for(people) is Right.ERASURE


def test_verified_identity_is_followed_before_a_claim() -> None:
    both = HashedPerson(POSING.hashes, (), (NUMBER, ANNA), verified=frozenset({ANNA}))
    found = matched_person(both, wanted, fresh=True)
    assert found is not None
    assert found.follow == ANNA
