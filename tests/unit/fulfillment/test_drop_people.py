"""Whom the records mean that one hash has found, and what is asked for them."""

import pytest

from services.fulfillment.drop.fields import Hash, Somebody
from services.fulfillment.drop.people import MOST_DESCRIPTIONS, Held, followed, held, right_for
from shared.drop import ListKind
from shared.law import Right

HOME = ("phone_number", "030 555")
ANNA, BEN = ("email", "anna@example.org"), ("email", "ben@example.org")


def one(*names: str, known_by: tuple[tuple[str, str], ...] = (HOME,), fresh: bool = True) -> Held:
    return Held(names, known_by, known_by[0] if known_by else None, fresh)


@pytest.mark.parametrize(
    ("people", "right"),
    [
        pytest.param([one("Anna Quast")], Right.ERASURE, id="one record"),
        pytest.param([one("Anna Quast"), one("A. Quast")], Right.ERASURE, id="a name and its initial"),
        pytest.param([one("Anna Quast"), one("Quast, Anna")], Right.ERASURE, id="another order"),
        pytest.param([one("Anna Quast"), one("Ben Quast")], Right.OPT_OUT_OF_SALE, id="two of one family"),
        pytest.param([one("Anna Quast"), one()], Right.ERASURE, id="a record without a name"),
        pytest.param(
            [one("Anna Quast"), one(), one("Ben Lohse")], Right.OPT_OUT_OF_SALE, id="that is nobody's bridge"
        ),
        pytest.param(
            [one(known_by=(HOME, ANNA)), one(known_by=(HOME, BEN))], Right.OPT_OUT_OF_SALE, id="two addresses"
        ),
        pytest.param([one(known_by=(HOME, ANNA)), one()], Right.ERASURE, id="one address"),
        pytest.param(
            [one(known_by=(("phone_number", "555-0100"),)), one(known_by=(("phone_number", "+1 555 0100"),))],
            Right.ERASURE,
            id="what was hashed, in two notations",
        ),
        pytest.param([], Right.ERASURE, id="nobody"),
    ],
)
def test_what_is_asked_for(people: list[Held], right: Right) -> None:
    assert right_for(people, ListKind.PHONE) is right


def test_an_identifier_of_very_many_is_no_single_person_s() -> None:
    many = [
        one("Anna Quast", known_by=(("email", f"{n}@example.org"),)) for n in range(MOST_DESCRIPTIONS + 1)
    ]
    assert right_for(many, ListKind.PHONE) is Right.OPT_OUT_OF_SALE


def test_each_identity_is_followed_once_and_only_from_fresh_records() -> None:
    again = one(known_by=(("email", "Anna@Example.org"),))
    people = [one(known_by=(ANNA,)), again, one(known_by=(BEN,), fresh=False), one(known_by=())]
    assert followed(people, Right.ERASURE) == [("email", "Anna@Example.org")]


def test_records_that_tell_nothing_are_for_the_staff_to_find_once() -> None:
    assert followed([one(known_by=()), one(known_by=())], Right.ERASURE) == [None]
    assert followed([], Right.ERASURE) == []


def test_of_several_people_each_is_named_by_what_is_theirs_alone() -> None:
    anna = Held(("Anna Quast",), (ANNA, HOME), HOME, fresh=True)
    ben = Held(("Ben Quast",), (BEN, HOME), HOME, fresh=False)
    assert followed([anna, ben, Held((), (), HOME, fresh=True)], Right.OPT_OUT_OF_SALE) == [ANNA, BEN, HOME]


def test_somebody_is_held_by_a_wanted_hash_alone() -> None:
    mine = Hash(ListKind.EMAIL, "h", ANNA)
    somebody = Somebody((mine, Hash(ListKind.PHONE, "p")), ("Anna Quast",), (ANNA, HOME))
    assert held(somebody, lambda h: h == mine, fresh=True) == Held(
        ("Anna Quast",), (ANNA, HOME), ANNA, fresh=True
    )
    assert held(somebody, lambda h: h.value == "other", fresh=True) is None


def test_a_hash_of_what_cannot_be_searched_for_is_followed_by_what_can() -> None:
    somebody = Somebody((Hash(ListKind.PHONE, "p"),), (), (ANNA, HOME))
    found = held(somebody, lambda h: h.kind is ListKind.PHONE, fresh=True)
    assert found is not None
    assert found.follow == ANNA
