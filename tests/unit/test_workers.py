"""How tests are given to the workers of a run."""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from habeas.embedded.parts import ports
from habeas.embedded.stack import StackPart
from shared.errors import ConfigurationError
from tests import workers

ROOT = Path(__file__).parents[2]
CHANGES_A_PART = re.compile(
    r"\bstack\.(kill|stop)\(|cut_connections\(|killAllSessions|set_alarm|replSetStepDown|configureFailPoint"
)
"""What concerns all who use a part."""


def files() -> dict[str, str]:
    folders = ("attacks", "contract", "integration")
    paths = [path for folder in folders for path in (ROOT / "tests" / folder).rglob("test_*.py")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


@pytest.mark.slow
def test_each_file_that_changes_a_part_for_all_its_users_has_parts_of_its_own() -> None:
    changing = {file for file, text in files().items() if CHANGES_A_PART.search(text)}
    assert changing <= workers.STOPS_PARTS
    assert files().keys() >= workers.STOPS_PARTS


def test_files_that_stop_parts_are_run_by_one_worker() -> None:
    names = {workers.group(f"{file}::test_one") for file in workers.STOPS_PARTS}
    assert len(names) == 1
    assert workers.group("tests/integration/test_journal.py::test_one") not in names


def test_files_on_containers_are_run_by_one_worker() -> None:
    names = {workers.group(f"tests/e2e/{file}::test_one") for file in ("test_compose.py", "test_other.py")}
    assert len(names) == 1


def test_files_that_share_a_console_are_run_by_one_worker() -> None:
    sharing = {file for file, text in files().items() if "(console: Console" in text}
    names = {workers.group(f"{file}::test_one") for file in sharing}
    assert len(sharing) > 1
    assert names == {workers.CONSOLE}


def test_tests_of_a_file_are_run_by_one_worker_and_those_of_two_by_two() -> None:
    one, two = "tests/integration/test_journal.py", "tests/integration/test_copies.py"
    assert (
        workers.group(f"{one}::test_a[1]")
        == workers.group(f"{one}::test_b")
        != workers.group(f"{two}::test_a")
    )


def test_slow_groups_come_first_and_unit_tests_last() -> None:
    files = [
        "tests/unit/test_law.py",
        "tests/integration/test_journal.py",
        "tests/integration/test_stack.py",
    ]
    assert sorted(files, key=workers.rank) == files[::-1]


class FakeWorker:
    """Records the tests that it is to run."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.indices += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def scheduling(*collections: list[str]) -> tuple[workers.Scheduling, list[FakeWorker]]:
    options = SimpleNamespace(loadscopereorder=False)
    config = SimpleNamespace(getvalue=lambda _: ["popen"] * len(collections), option=options)
    scheduler, nodes = workers.Scheduling(config), [FakeWorker() for _ in collections]
    for node, collection in zip(nodes, collections, strict=True):
        scheduler.add_node(node)
        scheduler.add_node_collection(node, collection)
    return scheduler, nodes


def test_worker_that_leaves_out_unit_tests_runs_other_tests_only() -> None:
    others = [f"tests/integration/test_{name}.py::test_one" for name in "abcde"]
    units = [f"tests/unit/test_{name}.py::test_one" for name in "abcd"]
    scheduler, [part, whole] = scheduling(others, others + units)
    scheduler.schedule()
    done = [0, 0]
    while done != [len(node.indices) for node in (part, whole)]:
        for number, node in enumerate((part, whole)):
            if done[number] < len(node.indices):
                scheduler.mark_test_complete(node, node.indices[done[number]])
                done[number] += 1
    run = [others[index] for index in part.indices] + [(others + units)[index] for index in whole.indices]
    assert sorted(run) == sorted(others + units)
    assert part.indices
    assert scheduler.tests_finished
    assert part.shutting_down
    assert whole.shutting_down


def test_a_worker_that_is_still_collecting_gets_no_tests() -> None:
    scheduler, _ = scheduling(*2 * [[f"tests/integration/test_{number}.py::test_one" for number in range(9)]])
    scheduler.schedule()
    late = FakeWorker()
    scheduler.add_node(late)
    scheduler.schedule()
    assert late.indices == []


def test_half_of_the_workers_leave_out_unit_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "4")
    leaving = []
    for number in range(5):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        leaving.append(workers.leaves_out(ROOT / "tests" / "unit", ROOT))
        assert not workers.leaves_out(ROOT / "tests" / "integration", ROOT)
    assert leaving == [False, False, True, True, False]


def test_no_two_workers_take_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for number in range(3):
        with monkeypatch.context() as change:
            change.setattr(ports, "LOWEST", 20_000)
            change.setattr(ports, "HIGHEST", 32_000)
            change.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
            change.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
            workers.take_own_ports()
            taken.append(range(ports.LOWEST, ports.HIGHEST))
    assert [(one.start, one.stop) for one in taken] == [
        (20_000, 23_000),
        (23_000, 26_000),
        (26_000, 29_000),
    ]


def test_a_worker_uses_the_shared_broker_and_database(tmp_path: Path) -> None:
    shared = workers.SharedParts(tmp_path)
    (tmp_path / "started").touch()
    stack = workers.joined(shared.address(), tmp_path / "worker")
    assert stack.amqp_url == shared._stack.amqp_url
    assert stack.mongo_url == shared._stack.mongo_url


@pytest.mark.parametrize("part", [StackPart.BROKER, StackPart.DATABASE])
async def test_a_worker_cannot_stop_a_part_that_others_use(tmp_path: Path, part: StackPart) -> None:
    shared = workers.SharedParts(tmp_path)
    (tmp_path / "started").touch()
    stack = workers.joined(shared.address(), tmp_path / "worker")
    with pytest.raises(KeyError):
        await stack.kill(part)


def test_a_worker_reports_why_the_shared_parts_did_not_start(tmp_path: Path) -> None:
    shared = workers.SharedParts(tmp_path)
    (tmp_path / "started").write_text("RabbitMQ is missing")
    with pytest.raises(ConfigurationError, match="RabbitMQ is missing"):
        workers.joined(shared.address(), tmp_path / "worker")


def test_folder_of_parts_is_removed_at_the_end() -> None:
    with workers.parts_folder() as folder:
        (folder / "data").write_text("a record")
    assert not folder.exists()


def test_folders_of_killed_runs_are_removed_from_memory(tmp_path: Path) -> None:
    beyond_any_process = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    running, killed = (tmp_path / f"habeas-tests-{pid}-a1b2" for pid in (os.getpid(), beyond_any_process))
    for folder in (running, killed, tmp_path / "others"):
        folder.mkdir()
    workers.remove_folders_of_ended_processes(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([running, tmp_path / "others"])
