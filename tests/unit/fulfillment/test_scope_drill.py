"""The recipients of a drill's notices."""

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.scope_job import drill_recipients
from services.intake.domain import incident_id

STAFF = ("dana@example.com", "emil@example.com")


def test_recipients_of_a_drill_are_staff_and_nothing_identifies_the_person() -> None:
    person = AffectedPerson(
        identity=("email", "kim@example.org"),
        said={
            "email": (0, "kim@example.org"),
            "name": (0, "Kim Sample"),
            "postal": (0, "1 Short Lane\nBern"),
        },
        places={"CH-BE": 0},
        categories=frozenset({"user.contact.email"}),
        others=("kim.sample@example.net",),
    )
    recipients = list(drill_recipients(person, "a" * 32, STAFF))
    assert [one.email for one in recipients] == list(STAFF)
    assert len({one.key for one in recipients}) == len(STAFF)
    for one in recipients:
        assert (one.categories, one.others, one.postal, one.name) == (("user.contact.email",), (), (), "")
        assert not any(word in one.model_dump_json().lower() for word in ("kim", "sample", "lane", "ch-be"))


def test_drill_and_breach_of_one_reference_are_two_incidents() -> None:
    ids = {incident_id("command", "inc-1", key=b"k" * 32, drill=drill) for drill in (True, False)}
    assert len(ids) == 2
