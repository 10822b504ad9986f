"""Documents name existing targets, verbs, scripts, links and examples."""

import ast
import json
import re
import shlex
from contextlib import redirect_stderr
from importlib.metadata import version
from io import StringIO
from typing import Any

import pytest
import typer

from habeas.cli import LISTED, app, renamed
from habeas.reference import records
from services.intake.domain import CaseStatus
from services.intake.http.api import RequestForm
from shared.contract.catalogue import catalogue
from shared.contract.codes import draw_code
from shared.contract.envelope import decode
from shared.contract.topology import REQUESTS
from shared.runtime.variables import unknown
from tests.unit.pages import (
    ROOT,
    anchors,
    code_shape,
    commands,
    demo_output,
    documents,
    files,
    rows,
    shape,
    text,
)

COMMAND = typer.main.get_command(app)
DOCUMENTS = documents()
SHOWN = [pytest.param(page, line, id=f"{page}: {line}") for page in DOCUMENTS for line in commands(page)]
LONGEST_ENTRY = 25
"""Words of an entry of the changelog."""
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
LINKS = [
    pytest.param(page, target, id=f"{page} → {target}")
    for page in DOCUMENTS
    for target in LINK.findall(text(page))
    if "://" not in target
]


def calls(program: str) -> list[Any]:
    """Return page and arguments of every call of *program* in a document."""
    pattern = re.compile(rf"^(?:\.venv/bin/)?{program}((?: .*)?)$")
    found = [(param.values[0], match[1]) for param in SHOWN if (match := pattern.match(str(param.values[1])))]
    return [
        pytest.param(arguments.partition(" > ")[0].strip(), id=f"{page}: {program}{arguments}")
        for page, arguments in found
    ]


@pytest.mark.parametrize("arguments", calls("make"))
def test_every_make_target_exists(arguments: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", text("Makefile"), re.MULTILINE))
    assert arguments.split(maxsplit=1)[0] in targets


@pytest.mark.parametrize("arguments", calls("habeas"))
def test_every_call_of_the_command_parses(arguments: str) -> None:
    with redirect_stderr(StringIO()):  # the changelog of a version has its names
        understand(COMMAND, renamed(shlex.split(arguments)))


def test_only_the_changelog_uses_a_deprecated_name() -> None:
    shown = [(str(param.values[0]), str(param.values[1]).split()) for param in SHOWN]
    with redirect_stderr(StringIO()):
        outdated = {page for page, (first, *words) in shown if first == "habeas" and renamed(words) != words}
    assert outdated == {"CHANGELOG.md"}


def understand(command: Any, arguments: list[str], parent: Any = None) -> None:
    """Parse *arguments* as the command does, without effect; raise on an error."""
    if not hasattr(command, "commands"):
        command.make_context(command.name, list(arguments), parent=parent)
        return
    if arguments and arguments[0] in command.commands:
        understand(command.commands[arguments[0]], arguments[1:], parent)
        return
    assert not arguments or arguments[0].startswith("--"), f"no verb {arguments[0]}"
    if command.name in LISTED:
        understand(command.commands["list"], arguments, parent)
    else:
        assert set(arguments) <= {name for parameter in command.params for name in parameter.opts}


def test_wrong_call_does_not_parse() -> None:
    command = typer.main.get_command(app)
    for wrong in ("frob", "map frob", "map --frob"):
        with pytest.raises(AssertionError):
            understand(command, wrong.split())
    for misread in ("gather --frob", "dead-letters --frob", "erase", "package verify"):
        with pytest.raises(Exception, match=r"(?i)no such option|missing"):
            understand(command, misread.split())


@pytest.mark.parametrize("page", DOCUMENTS)
def test_every_named_script_and_module_exists(page: str) -> None:
    content = text(page)
    for script in re.findall(r"`(scripts/[a-z-]+)\b", content):
        assert (ROOT / script).is_file(), script
    for module in re.findall(r"python -m ([a-z_.]+[a-z])", content):
        path = ROOT / re.sub(r"^habeas\.(services|shared)\b", r"\1", module).replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.parametrize("page", DOCUMENTS)
def test_every_named_file_exists(page: str) -> None:
    for name in re.findall(
        r"`((?:shared|services|habeas|docs|datamaps|tests|bench)/[\w./-]+\.\w+)`", text(page)
    ):
        assert (ROOT / name).is_file(), name


FUNCTION = re.compile(r"`([\w/]+\.py): ([\w.]+)`")
NAMED_FUNCTIONS = [
    pytest.param(file, name, id=f"{page}: {file}: {name}")
    for page in DOCUMENTS
    for file, name in FUNCTION.findall(text(page))
]


@pytest.mark.parametrize(("file", "name"), NAMED_FUNCTIONS)
def test_every_function_named_with_its_file_exists(file: str, name: str) -> None:
    path = ROOT / (file if file.startswith("shared/") else f"services/{file}")
    assert name in functions_in(ast.parse(path.read_text(encoding="utf-8")))


def functions_in(tree: ast.AST, prefix: str = "") -> set[str]:
    """Return the names of all functions in *tree*: a method with its class, an inner function without."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            found |= functions_in(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= {f"{prefix}{node.name}", *functions_in(node)}
    return found


def test_path_of_an_erasure_names_its_functions() -> None:
    table = rows("docs/concepts/erasure.md", "Erasure")
    steps = [row for row in table if len(row) == 5]  # step, event, function, row, status
    assert len(steps) > 10
    assert all(FUNCTION.search(row[2]) for row in steps)
    assert [row[3].split()[0] for row in steps if row[3][0].isdigit()] == [str(n) for n in range(1, 10)]
    assert {row[4] for row in steps} - {"-"} <= set(CaseStatus)


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_every_relative_link_has_a_target(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    goal = (ROOT / page).parent / path if path else ROOT / page
    assert goal.resolve().exists()
    if anchor:
        assert anchor in anchors(str(goal.resolve().relative_to(ROOT)))


CURRENT = [page for page in DOCUMENTS if page != "CHANGELOG.md" and not page.startswith("docs/adr/")]
"""Pages that describe the product of today; the others are history."""


@pytest.mark.parametrize("page", CURRENT)
def test_every_named_event_exists(page: str) -> None:
    known = {kind.TYPE for kind in (*catalogue(), *records())}
    assert set(re.findall(r"\bhabeas\.[a-z_]+\.[a-z_]+\.v1\b", text(page))) <= known


@pytest.mark.parametrize("page", CURRENT)
def test_every_named_setting_exists(page: str) -> None:
    named = set(re.findall(r"\bHABEAS_[A-Z0-9_]*[A-Z0-9]\b", text(page))) - {"HABEAS_X", "HABEAS_X_FILE"}
    assert unknown(named) == []


def test_index_names_every_page() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall(text("docs/README.md"))}
    pages = {page.removeprefix("docs/") for page in DOCUMENTS if page.startswith("docs/")}
    assert {page for page in pages if not page.startswith("adr/0")} - {"README.md"} <= linked


# --- README -------------------------------------------------------------------------------------------


def test_shown_demonstration_has_the_steps_of_the_command() -> None:
    steps = {
        call.args[0].value
        for call in ast.walk(ast.parse(text("habeas/embedded/demo.py")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "stage.did"
        if isinstance(call.args[0], ast.Constant)
    }
    shown = {
        line.removeprefix("✓ ").partition("  ")[0] for line in shape(demo_output()) if line.startswith("✓")
    }
    assert shown == steps


def test_shown_demonstration_has_a_code_of_each_form() -> None:
    shown = [line.partition("  code ")[2] for line in shape(demo_output()) if "  code " in line]
    assert shown == [code_shape(draw_code()), code_shape(draw_code(strong=True))]


def test_first_block_of_the_readme_names_both_commands() -> None:
    first_block = text("README.md").partition("```console\n")[2]
    assert [line.split("  ")[0] for line in first_block.splitlines()[:2]] == ["make demo", "make test"]


def test_shown_event_is_valid() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", text("README.md"), re.DOTALL)
    decode(shown.encode(), exchange=REQUESTS, content_type="application/cloudevents+json", headers={})


def test_shown_request_is_valid() -> None:
    [shown] = re.findall(r"<<'EOF'\n(.*?)\nEOF", text("README.md"), re.DOTALL)
    RequestForm.model_validate(json.loads(shown))


def test_requests_page_shows_every_route() -> None:
    source = text("services/intake/http/api.py")
    routes = {
        (method.upper(), path.replace("{case_id:id}", "{id}"))
        for method, path in re.findall(r'@app\.(get|post|delete)\(\s*"([^"]+)"', source)
    }
    shown = {
        (method, path.partition("?")[0])
        for method, path in re.findall(
            r"^\| `(GET|POST|DELETE) ([^`]+)`", text("docs/reference/requests.md"), re.MULTILINE
        )
    }
    assert shown | {("POST", "/v1/requests")} == routes


# --- decisions ----------------------------------------------------------------------------------------

DECISIONS = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))


def test_index_of_decisions_is_complete() -> None:
    assert re.findall(r"^\| \[(\d{4})\]\(\1-[^)]+\.md\)", text("docs/adr/README.md"), re.MULTILINE) == [
        name[:4] for name in DECISIONS
    ]
    numbers = [int(name[:4]) for name in DECISIONS]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("name", DECISIONS)
def test_decision_has_all_sections(name: str) -> None:
    page = text(f"docs/adr/{name}")
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "What would change our mind"]
    title = page.splitlines()[0].partition(". ")[2]
    assert title in text("docs/adr/README.md")


@pytest.mark.slow
def test_every_document_named_in_code_exists() -> None:
    named = {
        name
        for path in files()
        if path.suffix in {".py", ".toml", ".yaml", ".yml", ".example"}
        for name in re.findall(r"docs/[\w/-]+\.(?:md|svg|yaml)", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.slow
def test_every_decision_named_in_code_exists() -> None:
    referred = {
        number
        for path in files()
        if path.suffix == ".py"
        for number in re.findall(r"docs/adr/(\d{4})", path.read_text(encoding="utf-8"))
    }
    assert referred
    assert referred <= {decision[:4] for decision in DECISIONS}


def test_changelog_has_known_sections_only() -> None:
    headings = set(re.findall(r"^### (.*)$", text("CHANGELOG.md"), re.MULTILINE))
    assert headings <= {"Security", "Law", "Removed", "Changed", "Added", "Fixed"}


def test_entries_of_the_changelog_are_short() -> None:
    entries = re.findall(r"^- (.*)$", text("CHANGELOG.md"), re.MULTILINE)
    assert len(entries) > 1
    assert [entry for entry in entries if len(entry.split()) > LONGEST_ENTRY] == []


def released_versions() -> list[str]:
    """Return the versions of the changelog, the newest first."""
    return re.findall(r"^## (\S+) - \d{4}-\d{2}-\d{2}$", text("CHANGELOG.md"), re.MULTILINE)


def test_code_with_unreleased_changes_does_not_call_itself_a_release() -> None:
    unreleased = re.search(r"^## Unreleased\n\n###", text("CHANGELOG.md"), re.MULTILINE)
    number = version("habeas")
    assert (number in released_versions()) == (unreleased is None)
    assert unreleased is None or re.fullmatch(r"\d+\.\d+\.\d+\.dev0", number)
    assert tuple(map(int, number.split(".")[:3])) >= tuple(map(int, released_versions()[0].split(".")))


def test_every_package_has_the_version_of_the_code() -> None:
    for page in ("pyproject.toml", "shared/client/pyproject.toml"):
        assert f'\nversion = "{version("habeas")}"\n' in text(page)
    assert f'name = "habeas"\nversion = "{version("habeas")}"\n' in text("uv.lock")


def test_example_for_kubernetes_names_a_released_version() -> None:
    tags = re.findall(r"newTag: (\S+) }", text("deploy/kubernetes/example/kustomization.yaml"))
    assert set(tags) == {released_versions()[0]}


# --- no private paths --------------------------------------------------------------------------------

MACHINE = re.compile(
    r"(?<![\w.])/(?:work|Users|home|mnt|private)/\w"  # personal folders
    r"|(?<!var)/tmp/(?!habeas)[a-z]"  # left from a trial
    r"|(?i:co-authored-by:|generated (?:by|with) (?:an? )?(?:ai|assistant|model)\b)"
)
MAYBE = re.compile(rb"/(?:work|Users|home|mnt|private|tmp)/|(?i:co-authored-by|generated )")
"""What any of them holds, in bytes: a fast search."""
INDEXES = re.compile(r"https?://(?!pypi\.org/simple|files\.pythonhosted\.org/)[\w.-]+")


@pytest.mark.slow
def test_no_file_names_the_machine_or_its_tools() -> None:
    this = {"tests/unit/test_docs.py"}
    for path in files():
        name = str(path.relative_to(ROOT))
        content = path.read_bytes()
        if MAYBE.search(content) and b"\0" not in content and name not in this:
            found = MACHINE.search(content.decode("utf-8", errors="replace"))
            assert found is None, f"{name}: {found}"


def test_packages_come_from_the_public_index() -> None:
    assert not INDEXES.search(text("uv.lock"))


THREATS = [
    pytest.param(cells[-1], id=cells[1][:60])
    for cells in (line.strip("| ").split(" | ") for line in text("docs/threat-model.md").splitlines())
    if len(cells) == 4 and cells[0] not in {"attacker", "---", "---|---|---|---"}
]


def test_threat_model_has_its_rows() -> None:
    assert len(THREATS) > 80


@pytest.mark.parametrize("tests", THREATS)
def test_every_threat_names_tests_that_exist(tests: str) -> None:
    named = re.findall(r"`([^`]+)`", tests)
    assert named
    for name in named:
        path, _, function = name.partition("::")
        assert path.startswith("tests/")
        assert (ROOT / path).is_file(), path
        assert not function or f"def {function}(" in (ROOT / path).read_text(), name


@pytest.mark.parametrize("page", ["docs/how-to/operate.md", "docs/how-to/restore.md"])
def test_page_about_containers_says_where_verbs_of_the_staff_run(page: str) -> None:
    assert "#verbs-of-the-staff-beside-containers" in text(page), (
        "a container loses the session of its command"
    )


def test_audit_is_run_with_the_uv_that_setup_installs() -> None:
    assert "`.tools/venv/bin/uv audit" in text("docs/how-to/release.md")
    assert ".tools/venv" in text("scripts/setup")
