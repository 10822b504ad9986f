"""Which laws protect a person, and which of them gives the day that counts."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.law import (
    CompanyProfile,
    DeadlineCalculator,
    Policy,
    ProtectedPerson,
    Regulation,
    Right,
    Role,
    TimedDuty,
    applicable,
    laws_not_accepted,
    opt_in_locked_until,
    strictest,
    strictest_proof,
)
from shared.law.calendars import calendar_named
from shared.law.library import policies
from shared.law.terms import ProofLevel
from tests.unit.fakes import unread_deadlines

TODAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
AUTHORITY = {"name": "Authority of Examplia", "url": "https://authority.example.org"}


def company(*places: str, others: str = "gdpr", everybody: str | None = None) -> CompanyProfile:
    return CompanyProfile(
        name="Example Networks",
        established_in=places[0],
        also_established_in=places[1:],
        zone="Europe/Berlin",
        authority=AUTHORITY,
        grants_to_others=others,
        grants_to_everybody=everybody,
    )


NEW_YORK, BERLIN = company("US-NY"), company("DE-BE")


def laws(person: ProtectedPerson, of: CompanyProfile = NEW_YORK, day: date = TODAY) -> list[str]:
    return [policy.law for policy in applicable(policies(), of, person, day)]


def test_resident_of_a_law_not_accepted_has_the_granted_law() -> None:
    library = unread_deadlines("br-lgpd")
    brazilian = ProtectedPerson("BR", invoked=Regulation.LGPD)
    for accepted, expected in (((), ["gdpr"]), (("br-lgpd",), ["br-lgpd"])):
        given = library.accepting(accepted)
        assert [policy.law for policy in applicable(given, NEW_YORK, brazilian, TODAY)] == expected
        missing = laws_not_accepted(given, NEW_YORK, brazilian, TODAY)
        assert [policy.law for policy in missing] == ([] if accepted else ["br-lgpd"])


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("DE", "gdpr", id="a Member State"),
        pytest.param("DE-BE", "gdpr", id="a part of one"),
        pytest.param("IS", "gdpr", id="the EEA"),
        pytest.param("RE", "gdpr", id="an outermost region"),
        pytest.param("GB", "uk-gdpr", id="the United Kingdom"),
        pytest.param("GB-SCT", "uk-gdpr", id="a part of the United Kingdom"),
        pytest.param("CH", "ch-fadp", id="Switzerland"),
        pytest.param("US-CA", "us-ca-ccpa", id="California"),
        pytest.param("US-VA", "us-va", id="Virginia"),
        pytest.param("BR", "br-lgpd", id="Brazil"),
        pytest.param("CA", "ca-pipeda", id="Canada is not California"),
        pytest.param("US-NY", "gdpr", id="a State without such a law: what everybody is granted"),
        pytest.param("US", "gdpr", id="no State: what everybody is granted"),
        pytest.param("US-OK", "gdpr", id="a law that is not in force yet"),
        pytest.param(None, "gdpr", id="nothing known: what everybody is granted, never a refusal"),
        pytest.param("XX", "gdpr", id="nonsense: what everybody is granted, never a refusal"),
    ],
)
def test_residence_chooses_the_law_unless_that_of_the_company_protects_all(
    place: str | None, expected: str
) -> None:
    assert laws(ProtectedPerson(place)) == [expected]


def test_the_eea_has_thirty_states() -> None:
    scope = policies().named("gdpr@2018-05-25").scope
    assert scope is not None
    eea = set(scope.places)
    assert len(eea - {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}) == 30
    assert not eea & {"GB", "CH", "GI"}


def test_in_quebec_both_laws_protect_and_its_own_comes_first() -> None:
    assert laws(ProtectedPerson("CA-QC")) == ["ca-qc", "ca-pipeda"]


@pytest.mark.parametrize(
    ("established", "expected"),
    [("DE-BE", ["us-ca-ccpa", "gdpr"]), ("GB-ENG", ["us-ca-ccpa", "uk-gdpr"]), ("US-NY", ["us-ca-ccpa"])],
)
def test_the_law_of_an_establishment_protects_everybody_beside_their_own(
    established: str, expected: list[str]
) -> None:
    """GDPR Art. 3(1), UK GDPR Art. 3(1)."""
    assert laws(ProtectedPerson("US-CA"), company(established)) == expected


def test_every_place_of_establishment_counts() -> None:
    assert laws(ProtectedPerson(None), company("DE-BE", "GB-ENG", "CH")) == ["ch-fadp", "gdpr", "uk-gdpr"]


@pytest.mark.parametrize("role", [Role.EMPLOYEE, Role.BUSINESS_CONTACT])
def test_at_work_california_protects_and_texas_does_not(role: Role) -> None:
    assert laws(ProtectedPerson("US-CA", role)) == ["us-ca-ccpa"]
    assert laws(ProtectedPerson("US-TX", role)) == ["gdpr"]
    assert laws(ProtectedPerson("US-TX", role), company("US-NY", others="us-ca-ccpa")) == ["us-ca-ccpa"]


def test_a_law_that_is_granted_to_everybody_stands_beside_their_own() -> None:
    generous = company("US-NY", everybody="gdpr")
    assert laws(ProtectedPerson("US-TX"), generous) == ["us-tx", "gdpr"]
    assert laws(ProtectedPerson(None), generous) == ["gdpr"]


def test_the_law_invoked_comes_first_and_takes_no_other_away() -> None:
    assert laws(ProtectedPerson("FR", invoked=Regulation.CCPA)) == ["us-ca-ccpa", "gdpr"]
    assert laws(ProtectedPerson("US-VA", invoked=Regulation.US_STATE)) == ["us-va"]
    assert laws(ProtectedPerson("US-NY", invoked=Regulation.US_STATE)) == ["gdpr"]
    assert laws(ProtectedPerson("IN", invoked=Regulation.DPDP)) == ["gdpr"], "not in force yet"


def test_the_edition_is_that_of_the_day() -> None:
    (policy,) = applicable(policies(), NEW_YORK, ProtectedPerson("GB"), date(2026, 2, 4))
    assert policy.id == "uk-gdpr@2021-01-01"


def found(
    duty: TimedDuty, right: Right, applied: tuple[Policy, ...], of: CompanyProfile, paused: int = 0
) -> tuple[str, str]:
    one = strictest(applied, duty, right, DeadlineCalculator(of, calendar_named, NOON, paused))
    assert one is not None
    return one.policy.law, str(one.last.due_on)


def test_earliest_day_of_several_laws_counts_with_its_law() -> None:
    """Of what came on 1 June 2026 one month ends on 1 July, 45 days on 15 July, 30 days on 30 June."""
    both = applicable(policies(), BERLIN, ProtectedPerson("US-CA"), TODAY)
    assert found(TimedDuty.ANSWER, Right.ACCESS, both, BERLIN) == ("gdpr", "2026-07-01")
    assert found(TimedDuty.EXTENDED_ANSWER, Right.ACCESS, both, BERLIN) == ("us-ca-ccpa", "2026-08-28")
    assert found(TimedDuty.ACKNOWLEDGEMENT, Right.ACCESS, both, BERLIN) == ("us-ca-ccpa", "2026-06-15")
    swiss = applicable(policies(), BERLIN, ProtectedPerson("CH"), TODAY)
    assert found(TimedDuty.ANSWER, Right.ACCESS, swiss, BERLIN) == ("ch-fadp", "2026-06-30")


def test_a_pause_moves_the_day_of_the_laws_that_know_one_and_of_no_other() -> None:
    both = applicable(policies(), BERLIN, ProtectedPerson("US-CA"), TODAY)
    assert found(TimedDuty.ANSWER, Right.ACCESS, both, BERLIN, paused=10) == ("gdpr", "2026-07-13")
    assert found(TimedDuty.ANSWER, Right.ACCESS, both, BERLIN, paused=30) == ("us-ca-ccpa", "2026-07-15")


def test_a_law_without_extension_holds_the_answer_to_its_ordinary_day() -> None:
    """Act P-39.1 s. 32 knows none; PIPEDA s. 8(4) does."""
    canada = applicable(policies(), NEW_YORK, ProtectedPerson("CA-QC"), TODAY)
    assert found(TimedDuty.EXTENDED_ANSWER, Right.ACCESS, canada, NEW_YORK)[0] == "ca-qc"
    brazil = applicable(policies(), NEW_YORK, ProtectedPerson("BR"), TODAY)
    counting = DeadlineCalculator(NEW_YORK, calendar_named, NOON)
    assert strictest(brazil, TimedDuty.EXTENDED_ANSWER, Right.ACCESS, counting) is None


def test_the_holidays_of_the_part_count_in_which_the_company_is_established() -> None:
    """2 January is a day off in Scotland and none in England."""
    british = applicable(policies(), NEW_YORK, ProtectedPerson("GB"), date(2025, 12, 2))
    received_at = datetime(2025, 12, 2, 12, tzinfo=UTC)
    ends = {}
    for place in ("GB-ENG", "GB-SCT"):
        one = strictest(
            british,
            TimedDuty.ANSWER,
            Right.ACCESS,
            DeadlineCalculator(company(place), calendar_named, received_at),
        )
        ends[place] = one and str(one.last.due_on)
    assert ends == {"GB-ENG": "2026-01-02", "GB-SCT": "2026-01-05"}


@pytest.mark.parametrize(
    ("places", "received_on", "last"),
    [
        pytest.param(("US-NY", "IE"), date(2026, 10, 26), "2026-11-26", id="Thanksgiving is none in Ireland"),
        pytest.param(("CH", "DE-BE"), date(2025, 7, 1), "2025-08-01", id="1 August is none in Berlin"),
        pytest.param(
            ("US-NY",), date(2026, 10, 26), "2026-11-26", id="no place in the Union: weekends alone"
        ),
    ],
)
def test_no_holiday_of_another_law_makes_a_month_of_the_gdpr_longer(
    places: tuple[str, ...], received_on: date, last: str
) -> None:
    """Reg. (EEC, Euratom) 1182/71 Art. 2: of the place in the Union where it is due."""
    gdpr = (policies().named("gdpr@2018-05-25"),)
    at = datetime.combine(received_on, NOON.time(), UTC)
    one = strictest(
        gdpr, TimedDuty.ANSWER, Right.ACCESS, DeadlineCalculator(company(*places), calendar_named, at)
    )
    assert one is not None
    assert str(one.last.due_on) == last


FIRST, LAST = datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2032-01-01")
PLACES = st.sampled_from(["DE", "GB", "CH", "US-CA", "US-VA", "US-TX", "BR", "CA-QC", "SG", "US-NY", None])


@settings(deadline=None)
@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    PLACES,
    st.sampled_from(["DE-BE", "GB-ENG", "CH", "US-NY"]),
    st.sampled_from(Right),
    st.integers(0, 40),
)
def test_no_law_that_protects_the_person_gives_an_earlier_day(
    received_at: datetime, place: str | None, established: str, right: Right, paused: int
) -> None:
    of = company(established)
    applied = applicable(policies(), of, ProtectedPerson(place), received_at.date())
    counting = DeadlineCalculator(of, calendar_named, received_at, paused)
    one = strictest(applied, TimedDuty.ANSWER, right, counting)
    assert one is not None
    assert all(one.last.due_on <= counting(policy, policy.answer(right)).due_on for policy in applied)
    assert counting(one.policy, one.policy.answer(right)) == one.last


@pytest.mark.parametrize("invoked", [None, *Regulation])
def test_named_law_never_lowers_the_proof_that_the_residence_wants(invoked: Regulation | None) -> None:
    found = applicable(policies(), BERLIN, ProtectedPerson("US-CA", invoked=invoked), TODAY)
    access = strictest_proof(found, Right.ACCESS)
    assert (access.level, access.declaration) == (ProofLevel.REASONABLY_HIGH, True)


def test_named_law_may_raise_the_proof_that_is_needed() -> None:
    found = applicable(policies(), BERLIN, ProtectedPerson("DE", invoked=Regulation.CCPA), TODAY)
    alone = applicable(policies(), BERLIN, ProtectedPerson("DE"), TODAY)
    levels = [strictest_proof(laws, Right.ACCESS).level for laws in (found, alone)]
    assert levels == [ProofLevel.REASONABLY_HIGH, ProofLevel.MAILBOX]


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2026, 11, 29), date(2027, 11, 29)),
        (date(2028, 2, 29), date(2029, 3, 1)),
        (date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_lock_after_an_opt_out_never_ends_before_twelve_months(day: date, last: date) -> None:
    laws = [policies().named("us-ca-ccpa@2026-01-01"), policies().named("gdpr@2018-05-25")]
    assert opt_in_locked_until(laws, Right.OPT_OUT_OF_SALE, day) == last
    assert opt_in_locked_until(laws[1:], Right.OPT_OUT_OF_SALE, day) is None
