"""A notice comes back to its place in the ledger; its address hides the number of people."""

from dataclasses import replace

import pytest

from services.notifier.breach.campaign.handlers import Campaign, evolve
from services.notifier.breach.campaign.outcomes import Delayed, LeasedBatch
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths, ReturnPaths
from shared.contract.events.breaches import CampaignPaused, CampaignResumed, NoticesReleased
from shared.mail.reply_address import LONGEST_NAME, tag_in
from tests.unit.fakes import NOW

INCIDENT = "0b4ab47a5b6911c6137e279c1a17648d"
PATHS = NoticePaths("bounces@example.com", b"key" * 11)
NOTICE = CampaignNotice(PATHS.campaign(INCIDENT), phase=2, chunk=65_536, number=499)


def test_a_notice_is_known_again_by_its_address_however_it_is_written() -> None:
    assert PATHS.notice(PATHS.of(NOTICE)) == NOTICE
    assert PATHS.notice(PATHS.of(NOTICE).upper()) == NOTICE


@pytest.mark.parametrize("place", range(42))
def test_an_address_that_we_have_not_made_is_none(place: int) -> None:
    name, _, domain = PATHS.of(NOTICE).partition("@")
    tag = name.partition("+")[2]
    other = "a" if tag[place] != "a" else "b"
    forged = f"bounces+{tag[:place]}{other}{tag[place + 1 :]}@{domain}"
    assert PATHS.notice(forged) in {None, NOTICE}, "the last character has bits to spare"
    assert place == 41 or PATHS.notice(forged) is None


def test_letters_and_notices_are_not_taken_for_one_another() -> None:
    letters = ReturnPaths(PATHS.address, b"another" * 5)
    assert PATHS.notice(letters.of(f"{INCIDENT}:{INCIDENT}")) is None
    assert letters.letter(PATHS.of(NOTICE)) is None


def test_an_address_hides_incident_and_number() -> None:
    neighbour = replace(NOTICE, number=NOTICE.number - 1)
    one, other = (tag_in(PATHS.of(notice), PATHS.address) for notice in (NOTICE, neighbour))
    same = sum(a == b for a, b in zip(one, other, strict=True))
    assert same < 5, "no more than by chance"
    assert INCIDENT not in PATHS.message_id(NOTICE, "example.com")


def test_an_address_fits_where_those_of_letters_fit() -> None:
    longest = NoticePaths(f"{'b' * LONGEST_NAME}@example.com", PATHS.key)
    assert len(longest.of(NOTICE).partition("@")[0]) <= 64


def test_message_ids_are_the_same_at_each_attempt_and_no_two_notices_share_one() -> None:
    ids = {
        PATHS.message_id(replace(NOTICE, phase=phase, chunk=batch, number=number), "example.com")
        for phase in (1, 11)
        for batch in (1, 11)
        for number in (1, 11, 111)
        for _ in range(2)
    }
    assert len(ids) == 12


def test_doubtful_people_come_last_and_done_people_not_at_all() -> None:
    taken = LeasedBatch(
        "k", 1, 0, 5, "example.com", NOW, frozenset({1, 3}), {0: 1, 3: 1}, {2: Delayed(NOW, 1)}
    )
    assert taken.left() == [4, 2, 0]


def test_a_phase_is_released_once_and_each_resumption_is_a_turn() -> None:
    released = NoticesReleased(request_id=INCIDENT, phase=1, declaration="d", chunks=3)
    known = Campaign()
    for fact in (
        released,
        CampaignPaused(request_id=INCIDENT, by="dana"),
        CampaignResumed(request_id=INCIDENT, by="dana"),
    ):
        known = evolve(known, fact)
    assert known == Campaign((released,), 1)
