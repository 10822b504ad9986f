"""Values of a package that staff withhold: what the page lists, and the decision that the form makes."""

from collections.abc import Sequence

import orjson
import pytest

from services.console.decisions.forms import CaseView, InvalidEntry
from services.console.decisions.package_review import (
    grounds,
    read_redactions,
    review_draft,
    values_of,
)
from services.console.pages.package import ReviewForm
from shared.contract.events import PackageReviewed
from shared.contract.package_review import MOST_REDACTIONS, RedactionList, at_path
from shared.contract.staff import written_item, written_text
from tests.unit.console.test_decision_offers import ACCOUNT, LISTED, SALT, VERIFIED, received, view_of

THIRD_PARTY = "third_party_rights"
FIELD, RECORD, WHOLE = "shop.users\t1\temail", "shop.users\t2\t", "shop.tickets\t\t"


def view() -> CaseView:
    return view_of((received(), VERIFIED, LISTED))


def drafted(*withheld: str, ticked: Sequence[str] = (), ground: str = "") -> list[tuple[object, ...]]:
    redactions = read_redactions(withheld, ticked, ground, view())
    draft = review_draft(view(), ACCOUNT, "listing_1", redactions, SALT)
    assert isinstance(draft.decision, PackageReviewed)
    assert draft.text is not None
    assert draft.decision.redactions == written_item(draft.text)
    text = written_text(written_item(draft.text), draft.text)
    assert text is not None
    found = RedactionList.model_validate_json(text).redactions
    return [(one.collection, one.record, one.field, one.reason) for one in found]


def test_ticked_values_are_withheld_on_the_chosen_ground_beside_earlier_ones() -> None:
    assert drafted(f"{THIRD_PARTY}\t{WHOLE}", ticked=[FIELD, RECORD], ground=THIRD_PARTY) == [
        ("shop.tickets", None, None, THIRD_PARTY),
        ("shop.users", 1, "email", THIRD_PARTY),
        ("shop.users", 2, None, THIRD_PARTY),
    ]


def test_package_is_sent_as_listed_if_nothing_is_withheld() -> None:
    draft = review_draft(view(), ACCOUNT, "listing_1", (), SALT)
    assert draft.text is None
    assert draft.decision == PackageReviewed(request_id=view().row.id, by=ACCOUNT, listing="listing_1")


@pytest.mark.parametrize(
    ("withheld", "ticked", "ground", "error"),
    [
        ((), (FIELD,), "", "ground"),
        ((), (FIELD,), "professional_secrecy", "ground"),
        ((), (FIELD,), "unheard_of", ""),
        ((f"professional_secrecy\t{FIELD}",), (), "", "ground"),
        (("no line",), (), "", ""),
        ((f"{THIRD_PARTY}\tshop.users\tone\temail",), (), "", ""),
    ],
)
def test_ground_must_be_one_of_the_law_and_a_line_must_be_whole(
    withheld: Sequence[str], ticked: Sequence[str], ground: str, error: str
) -> None:
    with pytest.raises(InvalidEntry) as raised:
        read_redactions(withheld, ticked, ground, view())
    assert raised.value.name == error


def test_grounds_are_those_of_the_law_of_the_answer_with_their_provision() -> None:
    assert [value for value, _name in grounds(view())] == [THIRD_PARTY]
    assert "Art. 15(4)" in grounds(view())[0][1]
    virginia = VERIFIED.model_copy(update={"laws": ("us-va@2023-01-01", "gdpr@2018-05-25")})
    assert grounds(view_of((received(), virginia, LISTED))) == []


def test_too_many_redactions_are_no_decision() -> None:
    lines = [f"{THIRD_PARTY}\tshop.users\t{number}\t" for number in range(1, MOST_REDACTIONS + 2)]
    with pytest.raises(InvalidEntry):
        review_draft(view(), ACCOUNT, "listing_1", read_redactions(lines, (), "", view()), SALT)


def test_page_names_each_value_as_the_listing_does() -> None:
    record = {
        "_id": {"$oid": "6847305d932b8e10c2000070"},
        "email": "ada@example.org",
        "name": {"first": "Ada"},
        "orders": [{"city": "Bonn"}, {"city": "Köln"}],
        "born": {"$date": "1990-01-02T00:00:00Z"},
        "paid": False,
        "cc": [],
        "left": None,
        "key": {"withheld": "Access key", "reason": "never_disclosed", "provision": "Art. 32(1) GDPR"},
        "text": "x" * 3_000,
    }
    shown = {one.path: one for one in values_of(orjson.loads(orjson.dumps(record)), [["key"]])}
    assert list(shown["orders.city"].texts) == ["Bonn", "Köln"]
    assert [shown[name].texts[0] for name in ("name.first", "born", "paid")] == [
        "Ada",
        "1990-01-02T00:00:00Z",
        "false",
    ]
    assert shown["key"].texts == ["Access key: never disclosed Art. 32(1) GDPR"]
    assert (shown["text"].cut, len(shown["text"].texts[0])) == (True, 2_000)
    closed = {path for path, one in shown.items() if not one.open}
    assert closed == {"cc", "left", "key"}
    assert all(at_path(record, path) for path in shown.keys() - closed), "the listing knows each"


def test_form_carries_withheld_values_to_the_next_records() -> None:
    form = ReviewForm(action="next", start=5, next=90, ticked=(FIELD,), ground=THIRD_PARTY).read(view())
    assert (form.start, form.withheld, form.ticked) == (90, (f"{THIRD_PARTY}\t{FIELD}",), ())
    assert form.draft(view(), ACCOUNT) is None
    assert ReviewForm(action="first", start=90).read(view()).start == 0


def test_second_account_signs_the_redactions_of_the_first() -> None:
    form = ReviewForm(
        action="agree", listing="listing_1", agreed="written_ab", withheld=(f"{THIRD_PARTY}\t{FIELD}",)
    )
    draft = form.draft(view(), ACCOUNT)
    assert draft is not None
    assert draft.text is None
    assert draft.decision.model_dump(include={"listing", "redactions"}) == {
        "listing": "listing_1",
        "redactions": "written_ab",
    }


NOTICE = {"withheld": "Access key", "reason": "never_disclosed", "provision": "Art. 32(1) GDPR"}


@pytest.mark.parametrize("place", [("note",), ("notes", 1), ("of", "note")], ids=["field", "list", "object"])
def test_notice_is_known_by_its_place_and_data_that_looks_like_it_is_data(
    place: tuple[str | int, ...],
) -> None:
    record = {"note": NOTICE, "notes": [{"text": "a"}, NOTICE], "of": {"note": NOTICE}}
    path = ".".join(one for one in place if isinstance(one, str))
    shown = {one.path: one for one in values_of(record, [place])}
    assert (shown[path].texts, shown[path].open) == (["Access key: never disclosed Art. 32(1) GDPR"], False)
    others = {one.path for one in values_of(record)}
    assert path not in others
    assert {f"{path}.withheld", f"{path}.reason"} <= others
    assert all(one.open for one in values_of(record))


def test_notice_in_place_of_a_whole_record_is_known() -> None:
    [shown] = values_of({"": NOTICE}, [("",)])
    assert not shown.open
