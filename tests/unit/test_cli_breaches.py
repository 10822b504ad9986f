"""Declarations of breaches, the verbs about them, and the register."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from habeas.cli import app
from habeas.cli import breaches as verbs
from habeas.cli.breaches import clocks_by_time_left, standing, time_left
from habeas.client import breach_files, requests
from habeas.client.report import breaches
from services.intake.breach.clocks import clocks_of
from services.intake.breach.domain import Incident, evolve
from services.intake.breach.duties import ClocksSet, CustomersFound, DutiesDone, DutiesWithdrawn
from services.intake.breach.facts import DeclaredIncident
from services.intake.breach.facts import known_facts as known
from services.intake.breach.register import declaration_refusal
from services.intake.breach.register_entries import by_law, entry, entry_clocks
from services.intake.breach.statements import stated_duties
from shared.contract.events import Fact
from shared.contract.events.breaches import (
    AffectedGroup,
    BreachApproved,
    BreachDeclared,
    BreachHeld,
    BreachNotified,
    BreachRegistered,
    BreachReported,
    BreachScoped,
    BreachWithdrawn,
    NoticesReleased,
)
from shared.errors import ConfigurationError
from shared.law import CompanyProfile
from tests.unit.fakes import NOW, PRACTICE
from tests.unit.incident_register_fakes import AWARE_AT, GDPR, INCIDENT, LAW, declaration
from tests.unit.pages import ROOT

EXAMPLE = ROOT / "examples" / "breach" / "incident.yaml"
SECRET = "Quastenflosser"


def written(folder: Path, text: str) -> Path:
    file = folder / "incident.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def changed(folder: Path, **changes: Any) -> Path:
    """Write a declaration with *changes*; what is None is left out."""
    content = {name: value for name, value in declaration(**changes).items() if value is not None}
    return written(folder, yaml.safe_dump(content, allow_unicode=True))


# --- what is read -------------------------------------------------------------------------------------


def test_the_example_is_a_declaration() -> None:
    declared = breach_files.unsigned(EXAMPLE)
    assert declared.high_risk
    assert declared.affected.collections[0].filter == {"language": "de"}
    assert declared.account("de").nature.startswith("Am 3. März")


def test_declaration_may_be_json(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(declaration()))
    assert breach_files.unsigned(file) == BreachDeclared.model_validate(declaration())


def test_yaml_words_stay_strings_and_only_true_is_true(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("{country: DE}", "{country: NO}")
    text = text.replace("{language: de}", "{active: true, flag: yes, gone: null, tries: 5, day: 2026-03-05}")
    declared = breach_files.unsigned(written(tmp_path, text))
    assert declared.affected.list[0].residence is not None
    assert declared.affected.list[0].residence.country == "NO"
    assert declared.affected.collections[0].filter == {
        "active": True, "flag": "yes", "gone": None, "tries": 5, "day": "2026-03-05",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"contact": None}, "contact: is missing", id="missing"),
        pytest.param({"contcat": SECRET}, "contcat: is no field of a declaration", id="unknown"),
        pytest.param(
            {"contcat": SECRET},
            "contcat: is no field of a declaration; check its spelling: perhaps contact",
            id="unknown, with the nearest",
        ),
        pytest.param(
            {"affected": {"list": [{"mail": SECRET}]}},
            "affected.list.0.mail: is no field of a declaration; check its spelling: perhaps email",
            id="unknown inside a list",
        ),
        pytest.param({"categories": ["user.finacial"]}, "categories.0: is no category", id="a category"),
        pytest.param(
            {"affected": {"list": [{"name": SECRET, "residence": {"country": "UK"}}]}},
            "affected.list.0.residence.country: is no code of a country (ISO 3166); the nearest is GB",
            id="a place",
        ),
        pytest.param(
            {"affected": {"list": [{"name": SECRET, "residence": {"country": "Germany"}}]}},
            "affected.list.0.residence.country: write its code (ISO 3166): DE",
            id="the name of a country",
        ),
        pytest.param(
            {"affected": {"list": [{"residence": {"country": "US", "subdivision": SECRET}}]}},
            "affected.list.0.residence.subdivision: write its code (ISO 3166-2) without the country: CA",
            id="the name of a State",
        ),
        pytest.param({"affected": {"list": [{"email": SECRET}]}}, "affected.list.0.email: write one", id="@"),
        pytest.param(
            {"language": SECRET}, "language: write its code (ISO 639): de", id="the name of a language"
        ),
        pytest.param({"by": SECRET}, "by: write a-z, 0-9, _ and dots: dana.muster", id="account"),
        pytest.param({"aware_at": "2026-03-05T09:30"}, "aware_at: needs its offset", id="no offset"),
        pytest.param({"aware_at": SECRET}, "aware_at: write a moment with its offset", id="no moment"),
        pytest.param({"aware_at": "9999-03-05T09:30Z"}, "aware_at: lies in the future", id="not yet"),
        pytest.param({"high_risk": SECRET}, "high_risk: write yes or no", id="no truth"),
        pytest.param({"role": SECRET}, "role: must be 'controller' or 'processor'", id="no role"),
        pytest.param(
            {"affected": {"list": [{"email": SECRET}]}}, "affected.list.0.email: ", id="inside a list"
        ),
        pytest.param({"risk_unlikely": True}, "risk_unlikely needs a rationale", id="several fields"),
    ],
)
def test_error_has_place_and_remedy_and_no_value(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    file = changed(tmp_path, **changes)
    with pytest.raises(ConfigurationError) as raised:
        breach_files.unsigned(file)
    assert f"{file}: {said}" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_union_of_forms_gives_one_error(tmp_path: Path) -> None:
    home = {"country": "US", "subdivision": "North Dakota"}
    with pytest.raises(ConfigurationError) as raised:
        breach_files.unsigned(changed(tmp_path, affected={"list": [{"residence": home}]}))
    assert len(str(raised.value).splitlines()) == 1


def test_invalid_account_name_is_refused_with_its_form() -> None:
    with pytest.raises(ConfigurationError, match=r"^by: write a-z, 0-9, _ and dots: dana\.muster$"):
        requests.fact(BreachApproved, request_id=INCIDENT, by="Dana Muster", phase=1)


def test_each_error_has_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        breach_files.unsigned(changed(tmp_path, contact=None, nature=None))
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a: [1,\nb: }", "incident.yaml:2: is neither YAML nor JSON", id="nonsense"),
        pytest.param("a: 1\nb: {c: 1,\n c: 2}", "incident.yaml:3: a name is repeated", id="twice"),
        pytest.param('{"a": 1,\n"a": 2}', "incident.yaml:2: a name is repeated", id="twice in JSON"),
        pytest.param("- a", "a declaration is an object", id="a list"),
        pytest.param("", "a declaration is an object", id="nothing"),
    ],
)
def test_invalid_declaration_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        breach_files.unsigned(written(tmp_path, text))


@pytest.mark.usefixtures("console_login")
def test_file_names_no_other_account_than_the_session(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="names another account than the session"):
        CliRunner().invoke(
            app, ["breach", "declare", str(changed(tmp_path, by="bruno"))], catch_exceptions=False
        )


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["declare FILE", "scope FILE", "preview FILE --out OUT"])
def test_verbs_with_declarations_know_the_categories_of_the_map(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABEAS_DATAMAP", str(ROOT / "datamaps" / "example"))
    file = changed(tmp_path, categories=["user.name", "user.ssn"])
    words = verb.replace("FILE", str(file)).replace("OUT", str(tmp_path / "out")).split()
    with pytest.raises(ConfigurationError, match=r"categories\.1: is no category of the taxonomy or of the"):
        CliRunner().invoke(app, ["breach", *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("declare /nowhere.yaml", "there is no such file"),
        (f"hold {INCIDENT} --agency police --until 2020-01-01T00:00+01:00", "is in the past"),
        (f"hold {INCIDENT} --agency police --until tomorrow", "--until: must be a moment"),
        ("register --out register.txt", "name it .csv or .json"),
    ],
)
@pytest.mark.usefixtures("console_login")
def test_wrong_call_of_a_verb_has_a_remedy(words: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        CliRunner().invoke(app, ["breach", *words.split()], catch_exceptions=False)


def test_a_breach_in_a_file_of_events_is_validated_without_a_value(tmp_path: Path) -> None:
    event = {
        "specversion": "1.0", "id": "e-1", "source": "siem.example", "time": NOW.isoformat(),
        "type": BreachDeclared.TYPE, "data": declaration(),
    }  # fmt: skip
    file = tmp_path / "events.json"
    slip = event | {"id": "e-3", "data": declaration(categories=["user.finacial"])}
    wrong = event | {"id": "e-2", "data": declaration(high_risk=SECRET)}
    file.write_text(json.dumps([event, wrong, slip]))
    result = CliRunner().invoke(app, ["validate", str(file)])
    assert result.exit_code == 1
    assert "Valid events: 1; invalid: 2" in result.output
    assert "data.high_risk" in result.output
    assert "the nearest is user.financial" in " ".join(result.output.split())
    assert SECRET not in result.output


# --- what is shown ------------------------------------------------------------------------------------

TWO_LAWS = BreachScoped(
    request_id=INCIDENT,
    phase=1,
    groups=(
        AffectedGroup(laws=(GDPR,), place="DE", language="de", people=5, unreachable=1),
        AffectedGroup(laws=(GDPR,), place="FR", language="fr", people=2),
        AffectedGroup(laws=(), place="US-WY", language="en", people=3),
    ),
    customers=3,
    records=12,
    chunks=2,
)
FACTS: tuple[Fact, ...] = (
    BreachRegistered(
        request_id=INCIDENT, phase=1, declaration="d", role="controller", aware_at=AWARE_AT, by="ada"
    ),
    TWO_LAWS,
    BreachApproved(request_id=INCIDENT, by="bruno", phase=1),
    NoticesReleased(request_id=INCIDENT, phase=1, declaration="d", chunks=2),
    BreachNotified(request_id=INCIDENT, phase=1, sent=6, doubtful=1, failed=1),
)


def case_of(*more: Fact, **declared: Any) -> DeclaredIncident:
    """Return an incident of which notices are out, and then *more* happened."""
    known = BreachDeclared.model_validate(declaration(**declared))
    incident = reduce(evolve, FACTS, Incident())
    clocks = ClocksSet(request_id=INCIDENT, clocks=clocks_of(incident, (known,), LAW, NOW))
    facts = (*FACTS, clocks, *more)
    return DeclaredIncident(
        INCIDENT, reduce(evolve, facts, Incident()), [(NOW, fact) for fact in facts], (known,)
    )


def written_register(
    cases: Sequence[DeclaredIncident],
    form: breaches.RegisterFormat,
    company: CompanyProfile,
    now: datetime,
) -> str:
    """Return the register of *cases* in that *form*, by the entries that intake gives out."""
    return breaches.written([entry(case, now) for case in cases], form, company, now)


def reported(late: timedelta = timedelta()) -> BreachReported:
    at = AWARE_AT + timedelta(hours=72) + late
    return BreachReported(request_id=INCIDENT, by="ada", clock="gdpr.authority.DE", at=at, receipt="LDA-1")


def test_timely_notices_before_a_supplement_stay_on_record() -> None:
    done = DutiesDone(request_id=INCIDENT, clocks=("gdpr.people",), at=NOW)
    incident = reduce(evolve, (done, *SECOND), case_of().incident)
    case = DeclaredIncident(INCIDENT, incident, [], (BreachDeclared.model_validate(declaration()),) * 2)
    [clock] = [one for one in entry_clocks(case, NOW) if one["clock"] == "gdpr.people"]
    assert (clock["done_at"], [stop["done_at"] for stop in clock["before"]]) == (None, [NOW.isoformat()])
    [row] = json.loads(written_register([case], breaches.RegisterFormat.JSON, PRACTICE.company, NOW))
    assert [one for one in row["notified"] if one.startswith("gdpr.people: ")]
    assert [one for one in row["not_notified"] if one == "gdpr.people: still to be notified"]


def test_late_notices_before_a_supplement_stay_late() -> None:
    late = DutiesDone(request_id=INCIDENT, clocks=("us-ca.people",), at=NOW + timedelta(days=90))
    california = AffectedGroup(laws=("us-ca@2026-01-01",), place="US-CA", language="en", people=2)
    found = TWO_LAWS.model_copy(update={"groups": (california,)})
    changed = (FACTS[0], found, *FACTS[2:])
    known = (BreachDeclared.model_validate(declaration(categories=["user.name", "user.government_id"])),)
    begun = reduce(evolve, changed, Incident())
    clocks = ClocksSet(request_id=INCIDENT, clocks=clocks_of(begun, known, LAW, NOW))
    incident = reduce(evolve, (clocks, late, SECOND[0], found.model_copy(update={"phase": 2})), begun)
    [row] = json.loads(
        written_register(
            [DeclaredIncident(INCIDENT, incident, [], known * 2)],
            breaches.RegisterFormat.JSON,
            PRACTICE.company,
            NOW,
        )
    )
    assert row["late"] == ["us-ca.people"]


def test_late_duty_stays_late() -> None:
    clocks = entry_clocks(case_of(reported(late=timedelta(minutes=1))), NOW)
    assert [one["clock"] for one in clocks if one["late"]] == ["gdpr.authority.DE"]


def test_open_duty_is_late_after_its_deadline() -> None:
    at = AWARE_AT + timedelta(hours=73)
    assert [one["clock"] for one in entry_clocks(case_of(), at) if one["late"]] == ["gdpr.authority.DE"]


def test_fulfilled_duty_stays_on_record_without_its_clock() -> None:
    none = ClocksSet(request_id=INCIDENT, clocks=())
    case = case_of(reported(late=timedelta(minutes=1)), none)
    [clock] = entry_clocks(case, NOW)
    assert (clock["clock"], clock["receipt"], clock["late"]) == ("gdpr.authority.DE", "LDA-1", True)
    [row] = json.loads(written_register([case], breaches.RegisterFormat.JSON, PRACTICE.company, NOW))
    assert row["late"] == ["gdpr.authority.DE"]
    again = ClocksSet(request_id=INCIDENT, clocks=case.incident.duties)
    assert len(evolve(case.incident, again).duties) == 1


def test_fulfilled_duty_is_shown_when_no_longer_owed() -> None:
    case = case_of(reported())
    spared = tuple(duty.model_copy(update={"owed": False}) for duty in case.incident.clocks)
    clocks = evolve(case.incident, ClocksSet(request_id=INCIDENT, clocks=spared))
    [clock] = [one.model_dump(mode="json") for one in stated_duties(clocks) if one.done_at]
    shown = standing(clock, PRACTICE.company.zone, NOW)
    assert (shown.startswith("notified 2026-03-08"), shown.endswith("no longer due")) == (True, True)


def test_people_without_notice_count_once_in_all_phases() -> None:
    again = BreachRegistered(
        request_id=INCIDENT, phase=2, declaration="e", role="controller", aware_at=AWARE_AT
    )
    incident = reduce(evolve, (again, TWO_LAWS.model_copy(update={"phase": 2})), case_of().incident)
    assert by_law(incident.phases) == {GDPR: 14, "none": 3}


def waiting(*facts: Fact) -> DeclaredIncident:
    """Return an incident with a first phase that waits for approval, followed by *facts*."""
    incident = reduce(evolve, (*FACTS[:2], *facts), Incident())
    return DeclaredIncident(INCIDENT, incident, [], (BreachDeclared.model_validate(declaration()),))


SECOND = (
    BreachRegistered(request_id=INCIDENT, phase=2, declaration="e", role="controller", aware_at=AWARE_AT),
    TWO_LAWS.model_copy(update={"phase": 2}),
)


# --- the register -------------------------------------------------------------------------------------


def test_the_register_names_facts_effects_and_remedies() -> None:
    text = written_register([case_of(reported())], breaches.RegisterFormat.CSV, PRACTICE.company, NOW)
    [row] = csv.DictReader(io.StringIO(text))
    assert row["nature"] == "A copy of the customer table was taken."
    assert row["consequences"] == "Letters that pretend to come from us."
    assert row["measures"] == "The way in is closed."
    assert (row["records"], row["people"], row["letters_sent"]) == ("12", "10", "6")
    assert "gdpr.authority.DE" in row["notified"]
    assert (row["declared_by"], row["approved_by"]) == ("ada", "bruno")


PEOPLE, ORDERS = {"collection": "people", "filter": {"a": 1}}, {"collection": "orders"}


@pytest.mark.parametrize(
    ("first", "second", "records"),
    [
        pytest.param([PEOPLE], [PEOPLE, ORDERS], 100, id="all that was named before is named again"),
        pytest.param([PEOPLE], [{"collection": "people"}], 100, id="and more of the same collection"),
        pytest.param([PEOPLE], [ORDERS], 112, id="other records"),
        pytest.param([PEOPLE, ORDERS], [PEOPLE], 112, id="not all of them"),
        pytest.param([ORDERS], [PEOPLE], 112, id="of another collection"),
        pytest.param([PEOPLE], [{"collection": "people", "filter": {"a": 2}}], 112, id="by another filter"),
        pytest.param([], [PEOPLE], 112, id="people who were listed, and records"),
    ],
)
def test_records_that_a_supplement_names_again_count_once(
    first: list[Any], second: list[Any], records: int
) -> None:
    """GDPR Art. 33(3)(a)."""
    more = SECOND[1].model_copy(update={"records": 100})
    incident = reduce(evolve, (*FACTS[:2], SECOND[0], more), Incident())
    declared = tuple(
        BreachDeclared.model_validate(declaration(affected={"collections": named}))
        for named in (first, second)
    )
    case = DeclaredIncident(INCIDENT, incident, [], declared)
    [row] = json.loads(written_register([case], breaches.RegisterFormat.JSON, PRACTICE.company, NOW))
    assert row["records"] == known(case).records == records


def test_breach_without_notices_is_in_the_register_with_the_reason() -> None:
    known = BreachDeclared.model_validate(
        declaration(high_risk=False, risk_unlikely=True, rationale="It was encrypted.")
    )
    begun = reduce(evolve, FACTS[:1], Incident())
    clocks = ClocksSet(request_id=INCIDENT, clocks=clocks_of(begun, (known,), LAW, NOW))
    case = DeclaredIncident(INCIDENT, evolve(begun, clocks), [(NOW, FACTS[0])], (known,))
    [row] = json.loads(written_register([case], breaches.RegisterFormat.JSON, PRACTICE.company, NOW))
    assert (row["notified"], row["late"], row["people"]) == ([], [], None)
    assert (row["risk"], row["rationale"]) == ("unlikely", "It was encrypted.")
    assert any(one.startswith("gdpr.authority") and "GDPR" in one for one in row["not_notified"])


def whole() -> DeclaredIncident:
    """Return an incident with a hold, a customer, and a phase that was taken back."""
    customer = {"id": "k-1", "name": "Kunde", "email": "k1@example.com"}
    first = declaration(role="processor", affected={"controllers": [customer]})
    second = first | {"nature": "It was the table of another shop.", "by": None}
    held = BreachHeld(request_id=INCIDENT, by="ada", agency="police", until=NOW + timedelta(days=1))
    facts = (*FACTS[:2], held, *FACTS[2:])
    known = tuple(map(BreachDeclared.model_validate, (first, second)))
    incident = reduce(evolve, facts, Incident())
    clocks = ClocksSet(request_id=INCIDENT, clocks=clocks_of(incident, known[:1], LAW, NOW))
    done = DutiesDone(request_id=INCIDENT, clocks=("gdpr.controller.1",), at=NOW)
    back = BreachWithdrawn(request_id=INCIDENT, by="carla", phase=2)
    facts = (*facts, clocks, done, SECOND[0], back)
    return DeclaredIncident(
        INCIDENT, reduce(evolve, facts, Incident()), [(NOW, fact) for fact in facts], known
    )


def test_register_has_declaration_and_result_of_each_phase() -> None:
    [row] = json.loads(written_register([whole()], breaches.RegisterFormat.JSON, PRACTICE.company, NOW))
    first, second = row["declarations"]
    at = NOW.isoformat(timespec="minutes")
    assert (first["declared"], first["approved"]) == ([f"{at} by ada"], [f"{at} by bruno, phase 1"])
    assert (first["sent"], first["doubtful"], first["failed"]) == (6, 1, 1)
    assert (second["status"], second["withdrawn"]) == ("withdrawn", [f"{at} by carla"])
    assert second["declared"] == [f"{at} by another system"]
    assert (first["nature"], second["nature"]) == (
        "A copy of the customer table was taken.", "It was the table of another shop.",
    )  # fmt: skip
    assert first["aware_at"] == AWARE_AT.isoformat(timespec="minutes")
    assert row["nature"] == first["nature"], "what was taken back is not what happened"
    until = (NOW + timedelta(days=1)).isoformat(timespec="minutes")
    assert row["holds"] == [f"{at} for police until {until}, by ada"]
    assert any(one.startswith("gdpr.controller.1 (customer k-1): ") for one in row["notified"])
    assert (row["customers"], row["customers_notified"], row["letters_doubtful"]) == (3, 1, 1)


def test_register_has_the_first_detection_and_that_of_each_phase() -> None:
    first, later = AWARE_AT - timedelta(days=3), AWARE_AT - timedelta(days=1)
    before = (AWARE_AT - timedelta(days=9)).isoformat()
    known = tuple(
        BreachDeclared.model_validate(declaration(detected_at=at.isoformat(), occurred_from=before))
        for at in (first, later)
    )
    incident = reduce(evolve, (*FACTS, SECOND[0]), Incident())
    [row] = json.loads(
        written_register(
            [DeclaredIncident(INCIDENT, incident, [], known)],
            breaches.RegisterFormat.JSON,
            PRACTICE.company,
            NOW,
        )
    )
    assert row["detected_at"] == first.isoformat()
    minutes = [at.isoformat(timespec="minutes") for at in (first, later)]
    assert [one["detected_at"] for one in row["declarations"]] == minutes


def taken_back(*more: Fact) -> DeclaredIncident:
    """Return an incident of which the first phase was taken back, and then *more* happened."""
    known = BreachDeclared.model_validate(declaration())
    clocks = ClocksSet(
        request_id=INCIDENT, clocks=clocks_of(reduce(evolve, FACTS[:1], Incident()), (known,), LAW, NOW)
    )
    back = BreachWithdrawn(request_id=INCIDENT, by="carla", phase=1)
    none = ClocksSet(request_id=INCIDENT, clocks=())
    gone = DutiesWithdrawn(request_id=INCIDENT, phase=1, duties=clocks.clocks)
    facts = (FACTS[0], clocks, back, none, gone, *more)
    phases = sum(isinstance(fact, BreachRegistered) for fact in facts)
    other = BreachDeclared.model_validate(declaration(measures="More."))
    return DeclaredIncident(
        INCIDENT,
        reduce(evolve, facts, Incident()),
        [(NOW, fact) for fact in facts],
        (known, other)[:phases],
    )


def test_withdrawn_phase_stays_with_its_clocks() -> None:
    case = taken_back()
    later = NOW + timedelta(days=30)
    clocks = {one["clock"]: one for one in entry_clocks(case, later)}
    authority = clocks["gdpr.authority.DE"]
    assert (authority["withdrawn"], authority["late"]) == (1, False)
    assert standing(authority, PRACTICE.company.zone, later) == "withdrawn with phase 1: no notice is due"
    [row] = json.loads(written_register([case], breaches.RegisterFormat.JSON, PRACTICE.company, later))
    assert (row["withdrawn"], row["late"]) == (["phase 1"], [])
    assert "gdpr.authority.DE: withdrawn with phase 1" in row["not_notified"]
    assert row["nature"] == "A copy of the customer table was taken."
    csv_text = written_register([case], breaches.RegisterFormat.CSV, PRACTICE.company, later)
    assert "withdrawn with phase 1" in csv_text


def test_phase_declared_anew_has_its_clocks() -> None:
    begun = taken_back(SECOND[0])
    clocks = clocks_of(begun.incident, begun.declared, LAW, NOW)
    case = taken_back(SECOND[0], ClocksSet(request_id=INCIDENT, clocks=clocks))
    found = [one for one in entry_clocks(case, NOW) if one["clock"] == "gdpr.authority.DE"]
    assert [(one["withdrawn"], one["owed"]) for one in found] == [(None, True)]


def test_supplement_to_a_withdrawn_incident_is_refused() -> None:
    more = BreachDeclared.model_validate(declaration(measures="More."))
    same = BreachDeclared.model_validate(declaration(by="bruno"))
    assert declaration_refusal(taken_back(), more) == "incident_withdrawn"
    stands = taken_back(SECOND[0])
    assert declaration_refusal(stands, same) == "phase_withdrawn", "whoever declares it"
    assert declaration_refusal(stands, more) is None
    assert declaration_refusal(waiting(), same) is None, "the same again changes nothing"


def test_customer_in_two_phases_counts_once() -> None:
    first = CustomersFound(request_id=INCIDENT, phase=1, customers=("k-1", "k-2"))
    second = CustomersFound(request_id=INCIDENT, phase=2, customers=("k-2", "k-3"))
    known = (BreachDeclared.model_validate(declaration(role="processor")),) * 2
    for facts, customers in (((first, second), 3), ((first,), 6)):
        incident = reduce(evolve, (*FACTS, *SECOND, *facts), Incident())
        [row] = json.loads(
            written_register(
                [DeclaredIncident(INCIDENT, incident, [], known)],
                breaches.RegisterFormat.JSON,
                PRACTICE.company,
                NOW,
            )
        )
        assert row["customers"] == customers


def test_every_form_of_the_register_has_words_receipts_and_holds_of_all_phases() -> None:
    case = case_of(reported())
    for form in breaches.RegisterFormat:
        assert "by ada (LDA-1)" in written_register([case], form, PRACTICE.company, NOW)
        text = written_register([whole()], form, PRACTICE.company, NOW)
        for word in ("It was the table of another shop.", "for police until", "by carla"):
            assert word in text


def test_the_page_holds_every_word_and_no_markup_of_others() -> None:
    page = written_register(
        [case_of(nature="<b>Taken</b> & gone")], breaches.RegisterFormat.HTML, PRACTICE.company, NOW
    )
    assert "&lt;b&gt;Taken&lt;/b&gt; &amp; gone" in page
    for word in ("Register of breaches", "inc-1", "The way in is closed.", GDPR, "bruno"):
        assert word in page
    assert "<script" not in page
    empty = written_register([], breaches.RegisterFormat.HTML, PRACTICE.company, NOW)
    assert "No breach is registered." in empty


def test_page_shows_every_column() -> None:
    shown = {name for names in breaches.HEADINGS.values() for name in names}
    assert set(breaches.FIELDS) - shown == {"incident", "reference", "phases", "declarations"}


ANSWERS = {
    "reference": "INC-2026-7",
    "role": "controller",
    "occurred_from": "2026-03-03 02:10",
    "occurred_to": "",
    "detected_at": "2026-03-04T17:45+01:00",
    "aware_at": "2026-03-05 09:30",
    "nature": "A backup was copied: names and addresses.",
    "consequences": "Letters may come that only pretend to be ours.",
    "measures": "We closed the way in.",
    "advice": "Do not open unexpected attachments.",
    "language": "en",
    "categories": "user.name, user.contact.email",
    "collections": "portal.contacts billing.invoices",
    "contact": "Privacy team, privacy@example.com",
    "high_risk": "yes",
    "rationale": "",
    "encrypted": "no",
}


def new(file: Path, answers: Mapping[str, str], typed: str | None = None) -> Any:
    given = [word for name, text in answers.items() for word in ("--set", f"{name}={text}")]
    return CliRunner().invoke(app, ["breach", "new", str(file), *given], input=typed)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("habeas.cli.options", "habeas.cli.breaches"):
        monkeypatch.setattr(f"{module}.has_terminal", lambda: True)


def test_questions_are_fields_of_a_declaration() -> None:
    fields = {one.field for one in breach_files.QUESTIONS}
    assert fields == ANSWERS.keys()
    needed = {name for name, field in BreachDeclared.model_fields.items() if field.is_required()}
    assert needed - fields == set()


def test_answers_without_a_terminal_make_a_declaration(tmp_path: Path) -> None:
    result = new(tmp_path / "new.yaml", ANSWERS)
    assert result.exit_code == 0, result.output
    declared = breach_files.unsigned(tmp_path / "new.yaml")
    assert declared.aware_at.isoformat() == "2026-03-05T09:30:00+01:00"
    assert [one.collection for one in declared.affected.collections] == [
        "portal.contacts",
        "billing.invoices",
    ]
    assert (declared.high_risk, declared.encrypted, declared.occurred_to) == (True, False, None)


@pytest.mark.usefixtures("terminal")
def test_wrong_answer_is_asked_again(tmp_path: Path) -> None:
    answers = {name: text for name, text in ANSWERS.items() if name != "high_risk"}
    result = new(tmp_path / "new.yaml", answers, typed="perhaps\nyes\n")
    assert result.exit_code == 0, result.output
    assert "high_risk: write yes or no" in result.stderr
    assert breach_files.unsigned(tmp_path / "new.yaml").high_risk


def test_missing_answer_without_a_terminal_names_its_option(tmp_path: Path) -> None:
    answers = {name: text for name, text in ANSWERS.items() if name != "nature"}
    assert str(new(tmp_path / "new.yaml", answers).exception).startswith("--set nature= is missing")
    assert not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aware_at": "soon"}, "--set aware_at: write a moment with its offset: 2026-03-09T08:00+01:00"),
        ({"role": "victim"}, "--set role: "),
        ({"frob": "x"}, "--set frob: no question has this name"),
    ],
)
def test_wrong_answer_without_a_terminal_is_refused(
    changes: dict[str, str], message: str, tmp_path: Path
) -> None:
    assert str(new(tmp_path / "new.yaml", ANSWERS | changes).exception).startswith(message)


def test_contradictory_answers_are_reported_and_stay_in_the_file(tmp_path: Path) -> None:
    result = new(tmp_path / "new.yaml", ANSWERS | {"detected_at": "2026-03-09 08:00"})
    assert result.exit_code == 1
    assert "aware_at must not be before" in result.stdout
    assert (tmp_path / "new.yaml").exists()


def test_file_is_not_overwritten_by_new_answers(tmp_path: Path) -> None:
    file = written(tmp_path, "reference: INC-1\n")
    assert "is there already" in str(new(file, ANSWERS).exception)


def clock(name: str, due_at: str | None = None, **changes: Any) -> dict[str, Any]:
    plain = {"clock": name, "due_at": due_at, "owed": True, "done_at": None, "withdrawn": None}
    return plain | changes


def test_running_clocks_are_listed_by_time_left() -> None:
    clocks = [
        clock("people"),
        clock("late", "2026-03-09T08:00:00+00:00"),
        clock("done", "2026-03-01T08:00:00+00:00", done_at="2026-03-01T07:00:00+00:00"),
        clock("soon", "2026-03-08T08:00:00+00:00"),
        clock("not owed", owed=False),
        clock("withdrawn", withdrawn=1),
    ]
    running, others = clocks_by_time_left(clocks)
    assert [one["clock"] for one in running] == ["soon", "late", "people"]
    assert [one["clock"] for one in others] == ["done", "not owed", "withdrawn"]


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=2, hours=3, minutes=5), "2 d 3 h left"),
        (timedelta(hours=5), "5 h left"),
        (timedelta(hours=-30), "1 d 6 h late"),
    ],
)
def test_time_left_is_in_days_and_hours(left: timedelta, text: str) -> None:
    assert time_left(left) == text


def test_approval_repeats_missing_statements_before_it_is_signed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lack = {
        "says": "the company names no data protection officer",
        "provision": "GDPR Art. 34(2)",
        "laws": [GDPR],
    }
    phase = {"number": 1, "scoped": {"customers": 0}, "stated": {"status": "scoped"}, "waits": True}
    phase |= {"declaration": "declared_1", "letters": []}
    printed: list[str] = []
    monkeypatch.setattr(verbs, "_room", lambda *_: {"phases": [phase], "missing": [lack]})
    monkeypatch.setattr(verbs, "signer_of", lambda *_: None)
    monkeypatch.setattr(
        verbs, "decide_in_room", lambda *_, **_fields: printed.append(capsys.readouterr().out)
    )
    monkeypatch.setattr(verbs, "_show_approved", lambda *_: None)
    verbs.approve("ab" * 16)
    assert printed == ["lacks: the company names no data protection officer (GDPR Art. 34(2))\n"]
