"""The pages on architecture and storage agree with the code."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from habeas.reference import consumers_of
from shared.contract import topology
from shared.contract.catalogue import catalogue
from shared.contract.events import (
    Decision,
    DecisionRefused,
    Event,
    Fact,
    Submission,
    UnreadableSubmission,
)
from shared.contract.topology import COMMAND, EVENTS, LISTENS, queues
from tests.unit.pages import ROOT, rows

PAGE = "docs/concepts/architecture.md"
FOLDERS = {
    "examiner": "verifier/documents/examiner",
    "login": "verifier/login",
    "codes": "notifier/codes",
    "incidents": "intake/breach",
    "scoping": "fulfillment/breach",
    "campaigns": "notifier/breach/campaign",
    "chunks": "notifier/breach/campaign/batch",
}
"""Where the code of a service lies, if not in a folder of its name."""
CATALOGUE = list(catalogue())
DECISIONS = [kind for kind in CATALOGUE if issubclass(kind, Decision)]


def name_of(event: type[Event]) -> str:
    return f"`{event.TYPE}`" + (" on `habeas.requests`" if issubclass(event, Submission) else "")


def publishers_of(event: type[Event]) -> list[str]:
    if issubclass(event, Submission):
        return ["upstream systems"]
    if issubclass(event, Decision):
        return ["staff accounts"]
    return ["the command" if one == COMMAND else one for one in topology.publishers_of(event.TYPE)]


def makers_of(event: type[Event]) -> set[str]:
    """Return the services that make *event*, and the command if a verb does."""
    if issubclass(event, Decision):
        return {"intake"}  # as a staff account signed it
    if event is DecisionRefused:
        return {name for name, types in LISTENS.items() if any(kind.TYPE in types for kind in DECISIONS)}
    services = {service for service in LISTENS if event in _made_in(service)}
    return services | ({COMMAND} if event.__name__ in _announced() else set())


@cache
def _announced() -> set[str]:
    """Return the events that verbs of the command make: ``fact(Event, …)``."""
    return {
        node.args[0].id
        for path in (ROOT / "habeas" / "cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("fact")
        if node.args and isinstance(node.args[0], ast.Name)
    }


@cache
def _made_in(service: str) -> frozenset[object]:
    """Return the events that the code of *service* makes, and those that it has made for it."""
    folder = ROOT / "services" / FOLDERS.get(service, service)
    others = [ROOT / "services" / FOLDERS[one] for one in FOLDERS if one != service]
    apart = [other for other in others if other != folder and other.is_relative_to(folder)]
    paths = [path for path in folder.rglob("*.py") if not any(path.is_relative_to(one) for one in apart)]
    return frozenset(kind for path in paths for kind in _made_by(path))


def _made_by(path: Path) -> set[object]:
    """Return the classes of ``shared`` that the module at *path* calls, and not those of the same name."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    kinds = {
        alias.asname or alias.name: getattr(import_module(node.module), alias.name, None)
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("shared.")
        for alias in node.names
    }
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    asked_for = (word.value for call in calls for word in call.keywords if word.arg == "event")
    named = {ast.unparse(call.func) for call in calls} | {ast.unparse(value) for value in asked_for}
    made = (_imported(name, kinds) for name in named)
    return {kind for kind in made if isinstance(kind, type)}


def _imported(name: str, imports: Mapping[str, object]) -> object:
    """Return the class that *name* means by *imports*: a name, or one of an imported module."""
    module, _, member = name.rpartition(".")
    found = imports.get(module or member)
    return found if not module else getattr(found, member, None) if isinstance(found, ModuleType) else None


@pytest.mark.slow
@pytest.mark.parametrize("event", [kind for kind in CATALOGUE if issubclass(kind, Fact)], ids=name_of)
def test_publishers_of_the_topology_are_those_that_make_the_event(event: type[Fact]) -> None:
    assert makers_of(event) == set(topology.publishers_of(event.TYPE))


@pytest.mark.parametrize("event", CATALOGUE, ids=name_of)
def test_every_event_has_a_publisher(event: type[Event]) -> None:
    assert publishers_of(event)


@pytest.mark.parametrize("event", CATALOGUE, ids=name_of)
def test_every_event_is_consumed_unless_it_is_terminal(event: type[Event]) -> None:
    terminal = issubclass(event, Fact) and event.TERMINAL
    assert bool(consumers_of(event)) is not terminal


@pytest.mark.parametrize("service", LISTENS)
def test_a_queue_is_bound_to_what_its_service_subscribes_to(service: str) -> None:
    kinds: list[type[Event]] = [
        subscription.event for subscription in import_module(_handlers_of(service)).SUBSCRIPTIONS
    ]
    facts = [kind.TYPE for kind in kinds if kind.EXCHANGE == EVENTS]
    submissions = {kind for kind in kinds if kind.EXCHANGE != EVENTS}
    assert sorted(facts) == sorted(LISTENS[service])
    every = {kind for kind in CATALOGUE if issubclass(kind, Submission)} | {UnreadableSubmission}
    assert submissions == (every if service == "intake" else set())


def _handlers_of(service: str) -> str:
    return f"services.{FOLDERS.get(service, service).replace('/', '.')}.handlers"


def test_table_names_the_folder_of_every_service() -> None:
    named = {row[0].strip("`"): row[1].strip("`") for row in rows(PAGE, "Services")}
    assert named == {service: FOLDERS.get(service, service) for service in (*LISTENS, topology.CONSOLE)}


def test_every_queue_is_on_the_map() -> None:
    [waiting] = [row[0] for row in rows(PAGE, "Queues") if "habeas.retry" in row[0]]
    delays = {f"habeas.retry.{delay}" for delay in re.findall(r"(\d+[sm])`", waiting)}
    assert {queue.name for queue in queues()} == {*LISTENS, *map(topology.parking_of, LISTENS), *delays}


OF_COMMAND = [ROOT / "habeas" / "client" / name for name in ("migrations.py", "watched_facts.py")]
COLLECTIONS = {
    ("services/intake/cases/purge_dates.py", "purge_dates"),
    ("services/intake/cases/purge_dates.py", "journal"),
    ("services/intake/cases/retention.py", "metrics"), ("services/intake/cases/duplicates.py", "firsts"),
    ("services/intake/cases/code_limits.py", "wrong_codes"),
    ("habeas/client/migrations.py", "migrations"), ("habeas/client/migrations.py", "journal"),
    ("shared/runtime/journal.py", "notes"),
    ("shared/runtime/vault.py", "keys"), ("shared/runtime/vault.py", "items"),
    ("shared/runtime/vault.py", "chunks"), ("shared/runtime/vault.py", "templates"),
    ("shared/runtime/audit_heads.py", "journal"), ("shared/runtime/audit_heads.py", "audit_heads"),
    ("shared/runtime/journal.py", "journal"), ("services/fulfillment/datamap/versions.py", "datamaps"),
    ("services/fulfillment/stores/existence.py", "seen_collections"),
    ("services/fulfillment/stores/registers.py", "erasures"),
    ("services/fulfillment/changes/suppressions.py", "suppressions"),
    ("services/fulfillment/stores/registers.py", "kept"),
    ("services/fulfillment/package/copies.py", "copies"),
    ("services/fulfillment/recipients/receivers.py", "receivers"),
    ("services/fulfillment/package/past_requests.py", "requests"),
    ("services/fulfillment/certificate/issue.py", "certificates"),
    ("services/fulfillment/stores/registers.py", "days"),
    ("services/fulfillment/changes/suppressions.py", "disagreements"),
    ("services/notifier/smtp/post.py", "claims"), ("services/notifier/smtp/letter_limits.py", "minutes"),
    ("services/notifier/breach/campaign/ledgers.py", "ledgers"),
    ("services/notifier/breach/campaign/states.py", "campaigns"),
    ("services/notifier/breach/campaign/batch/send_queue.py", "paces"),
    ("services/verifier/documents/examiner/reuse.py", "documents"),
    ("shared/runtime/scheduler.py", "timers"),
    ("services/verifier/assurance/code_allowances.py", "allowances"),
    ("shared/runtime/staff_register.py", "accounts"), ("shared/runtime/staff_register.py", "codes"),
    ("shared/runtime/staff_register.py", "tries"), ("shared/runtime/staff_register.py", "outcomes"),
    ("services/intake/channels/drp/agents.py", "drp_tokens"),
    ("services/intake/channels/drp/agents.py", "drp_messages"),
    ("services/intake/channels/registry.py", "drp_callbacks"),
    ("services/intake/channels/registry.py", "opendsr_callbacks"),
    ("services/intake/channels/opendsr/controllers.py", "opendsr_groups"),
    ("services/intake/channels/drop/ledger.py", "drop_state"),
    ("services/intake/channels/drop/ledger.py", "drop_batches"),
    ("services/intake/channels/drop/ledger.py", "drop_answers"),
    ("services/fulfillment/drop/hash_lists.py", "drop_wanted"),
    ("services/fulfillment/drop/hash_lists.py", "drop_matches"),
    ("services/fulfillment/drop/hash_lists.py", "drop_batches"),
    ("services/fulfillment/breach/scope_store.py", "breach_scopes"),
    ("services/fulfillment/breach/scope_store.py", "breach_people"),
    ("services/fulfillment/breach/scope_store.py", "breach_aliases"),
    ("services/fulfillment/stores/registers.py", "purges"),
    ("services/console/read_model/histories.py", "histories"),
    ("services/console/signin/sessions.py", "sessions"),
    ("services/console/read_model/holds.py", "cases"),
    ("services/console/read_model/holds.py", "holds"),
    ("services/console/read_model/openings.py", "openings"),
    ("services/console/read_model/recipients.py", "notices"),
    ("services/console/read_model/chains.py", "audits"),
    ("services/console/read_model/histories.py", "cases"), ("services/console/read_model/cases.py", "cases"),
    ("services/console/read_model/register.py", "cases"),
    ("services/console/signin/accounts.py", "accounts"),
    ("services/console/signin/provider.py", "provider_attempts"),
    ("services/console/system/parked_messages.py", "repairs"),
    ("services/console/read_model/figures.py", "cases"),
    ("services/console/saved_views.py", "views"), ("shared/runtime/service_reports.py", "reports"),
    ("services/intake/cases/requester_index.py", "journal"),
    ("services/intake/cases/requester_index.py", "requesters"),
    ("services/fulfillment/holds/register.py", "holds"),
    ("services/fulfillment/holds/register.py", "held_records"),
    ("services/notifier/smtp/letter_limits.py", "mailbox_letters"),
    ("services/intake/cases/waiting_queue.py", "waiting"),
    ("services/intake/cases/waiting_queue.py", "hours"),
    ("services/intake/cases/waiting_queue.py", "bursts"),
    ("services/intake/channels/fides/clients.py", "fides_tokens"),
    ("services/intake/channels/fides/ledger.py", "fides_requests"),
    ("services/intake/channels/fides/consents.py", "fides_consents"),
    ("services/console/read_model/stalled_cases.py", "unhandled"),
    ("habeas/client/watched_facts.py", "unhandled"), ("habeas/client/watched_facts.py", "watch"),
    ("habeas/client/watched_facts.py", "repairs"), ("habeas/client/watched_facts.py", "journal"),
    ("shared/runtime/republication.py", "republications"),
    ("shared/runtime/seal_store.py", "seals"), ("shared/runtime/seal_store.py", "journal"),
    ("shared/runtime/republication.py", "publications"),
}  # fmt: skip


@pytest.mark.slow
def test_every_collection_of_ours_is_on_the_map() -> None:
    found = {
        (str(path.relative_to(ROOT)), str(node.slice.value))
        for path in (*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py"), *OF_COMMAND)
        if any(name in (text := path.read_text(encoding="utf-8")) for name in ("database", "client["))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
        and ast.unparse(node.value).startswith(("database", "context.database", "client["))
    }
    assert found == COLLECTIONS
    assert {row[1] for row in rows("docs/reference/storage.md", "What is stored where")} == {
        f"`{name}`" for _, name in COLLECTIONS
    }
