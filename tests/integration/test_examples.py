"""What other people's systems send, as the examples show it, becomes cases; with the least of permissions."""

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
import uuid
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import aio_pika
import pytest
import pytest_asyncio

from habeas.client.event_files import BATCH
from habeas.contracts import example
from habeas.embedded.parts.broker import USER
from habeas.embedded.parts.process import Command, Process, require_ready
from habeas.embedded.stack import Stack
from shared.client import (
    AsyncAmqpClient,
    BrokerUnavailable,
    ConfigurationError,
    Publisher,
    RequestSubmitted,
    Subject,
    SubmissionRejected,
    WithdrawalSubmitted,
)
from shared.contract.events import RequestFulfilled
from shared.runtime.broker import user_of
from tests.conftest import missing
from tests.integration.installed_packages import UV, installed, run, sends, wheel_of
from tests.integration.pipeline import READY_WITHIN, SERVICES, Pipeline, comes_true, command, prepared
from tests.npm import node_modules
from tests.unit.pages import ROOT, text
from tests.unit.test_names import modules

EXAMPLES = ROOT / "examples" / "publish"
SHOP, DESK = "shop.example", "support.example"
KEY = "the key of the example is long"
TICKET = "ticket-4799"
"""In place of the page's ticket, which an example submits."""
RESTRICTED = f"shop-{uuid.uuid4().hex}"
"""Broker user of the shop."""


@pytest_asyncio.fixture(scope="module")
async def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest_asyncio.fixture(scope="module")
async def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel of the product."""
    return await installed(wheel, tmp_path_factory.mktemp("product"), dependencies=False)


@pytest_asyncio.fixture(scope="module")
async def pipeline(
    parts: Stack | None, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    """The services as they are installed, outside the repository."""
    keys = json.dumps({SHOP: KEY, DESK: f"{KEY} too"})
    folder = tmp_path_factory.mktemp("examples")
    async with prepared(parts, folder, customers=3, HABEAS_API_KEYS=keys) as pipeline:
        command = user_of(pipeline.amqp_url_of("command"))
        bound = {USER: [SHOP, DESK], command: [SHOP, DESK], RESTRICTED: [SHOP]}
        pipeline.settings["HABEAS_SOURCES"] = json.dumps(bound)
        words = (str(python), "-m", "habeas", "serve", *SERVICES)
        pipeline.process = await Process.start(Command(words, folder, pipeline.log, pipeline.environment))
        await pipeline.process.until(partial(require_ready, pipeline.http, pipeline.ops_url), READY_WITHIN)
        yield pipeline
        await pipeline.stop()


@pytest_asyncio.fixture(scope="module")
async def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples in Python in an environment with the wheel of the client and its dependencies alone."""
    folder = tmp_path_factory.mktemp("python")
    wheel = await wheel_of(ROOT / "shared" / "client", tmp_path_factory.mktemp("client"))
    await installed(wheel, folder, dependencies=True)
    for path in (EXAMPLES / "python").glob("*.py"):
        shutil.copy(path, folder)
    return folder


@pytest_asyncio.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example for Node with what it needs, outside the repository."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "publish.js"):
        shutil.copy(EXAMPLES / "node" / name, folder)
    (folder / "node_modules").symlink_to(await node_modules(EXAMPLES / "node"))
    return folder


async def registered(pipeline: Pipeline, reference: str, *, source: str = SHOP) -> dict[str, Any]:
    """Return how the request stands that *source* calls *reference*, once it is on record."""
    key = KEY if source == SHOP else f"{KEY} too"
    page: dict[str, Any] = {}

    async def there() -> bool:
        answer = await pipeline.http.get(
            "/v1/requests", params={"reference": reference}, headers={"Authorization": f"Bearer {key}"}
        )
        page.update(answer.json())
        return answer.is_success and page["status"] != "submitted"

    await comes_true(there)
    return page


def reference() -> str:
    return f"ticket-{uuid.uuid4().hex}"


# --- the package ----------------------------------------------------------------------------------------


def test_wheel_has_one_package(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        files = archive.namelist()
    assert {name.partition("/")[0] for name in files} == {"habeas", f"habeas-{version('habeas')}.dist-info"}
    built = {name.removeprefix("habeas/") for name in files if name.endswith(".py")}
    own = {path.relative_to(ROOT).as_posix().removeprefix("habeas/") for path in modules().values()}
    assert built == own - {"shared/client/hatch_build.py"}


async def test_installed_command_runs_outside_the_repository(python: Path, tmp_path: Path) -> None:
    habeas = str(python.with_name("habeas"))
    assert await sends(habeas, "--version", cwd=tmp_path) == f"habeas {version('habeas')}\n"
    assert "br-lgpd@2020-09-18" in await sends(habeas, "laws", cwd=tmp_path)


# --- the examples -----------------------------------------------------------------------------------------


async def test_the_example_in_python_sends_a_request_and_takes_it_back(
    pipeline: Pipeline, programs: Path
) -> None:
    ticket = reference()
    words = (str(programs / "bin" / "python"), "publish.py", ticket, "ada@example.org", "--withdraw")
    said = await sends(*words, cwd=programs, HABEAS_AMQP_URL=pipeline.amqp_url)
    assert said.count("published") == 2

    async def withdrawn() -> bool:
        page = await registered(pipeline, ticket)
        return (page["status"], page["outcome"]) == ("closed", None)  # an answered one has an outcome

    await comes_true(withdrawn)


async def test_the_example_for_node_sends_a_request(pipeline: Pipeline, node: Path) -> None:
    ticket = reference()
    await sends("node", "publish.js", ticket, "ada@example.org", cwd=node, HABEAS_AMQP_URL=pipeline.amqp_url)
    assert (await registered(pipeline, ticket))["right"] == "access"


async def test_the_example_with_curl_lodges_a_request_and_a_sheet(pipeline: Pipeline) -> None:
    if shutil.which("curl") is None:
        missing("there is no curl; scripts/setup-tests installs it")
    script, url = str(EXAMPLES / "curl" / "submit.sh"), str(pipeline.http.base_url).rstrip("/")
    said = await sends(script, str(EXAMPLES / "curl" / "request.json"), HABEAS_API_KEY=KEY, HABEAS_URL=url)
    assert json.loads(said)["id"] == (await registered(pipeline, "ticket-4711"))["id"]
    said = await sends(script, str(EXAMPLES / "curl" / "requests.csv"), HABEAS_API_KEY=KEY, HABEAS_URL=url)
    assert len(json.loads(said)["lodged"]) == 2
    page = await registered(pipeline, "ticket-4714")
    assert (page["right"], page["received_on"]) == ("erasure", "2026-03-02")
    code, said = await run(
        script, str(EXAMPLES / "curl" / "request.json"), HABEAS_API_KEY="wrong", HABEAS_URL=url
    )
    assert code != 0
    assert "not known" in said


# --- the verb ---------------------------------------------------------------------------------------------


async def test_a_file_is_published_whole_or_not_at_all_and_again_without_harm(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    tickets = [reference() for _ in range(BATCH + 20)]
    rows = "".join(f"{ticket};access;{ticket}@example.org;DE\n" for ticket in tickets)
    sheet = tmp_path / "requests.csv"
    sheet.write_text(f"Ticket;Right;E-mail;Country\n{rows}late-1;frob;x@example.org;DE\n")
    code, said, _ = await command(pipeline, "publish", "--source", DESK, str(sheet))
    assert (code, "nothing is published" in said) == (1, True)
    sheet.write_text(f"Ticket;Right;E-mail;Country\n{rows}")
    for _ in range(2):
        code, said, complained = await command(pipeline, "publish", "--source", DESK, str(sheet))
        assert code == 0, complained
        assert f"Published events: {len(tickets)}" in said
    await registered(pipeline, tickets[-1], source=DESK)
    journal = pipeline.client[f"{pipeline.prefix}_intake"]["journal"]

    async def all_there() -> bool:
        found = await journal.distinct("case", {"facts.data.source": DESK})
        return len(found) >= len(tickets)

    await comes_true(all_there)
    assert await pipeline.handled_twice() == []


# --- the client -------------------------------------------------------------------------------------------


async def test_the_client_needs_to_write_to_one_exchange_and_nothing_else(
    pipeline: Pipeline, stack: Stack
) -> None:
    url = await restricted(stack, pipeline.amqp_url, RESTRICTED, write=r"^habeas\.requests$")
    for binary in (False, True):
        ticket = reference()
        async with Publisher(url, source=SHOP, binary=binary) as publisher:
            await publisher.publish_request(
                RequestSubmitted(reference=ticket, right="access", subject=Subject(email="ada@example.org"))
            )
        assert (await registered(pipeline, ticket))["right"] == "access"
    denied = await restricted(stack, pipeline.amqp_url, uuid.uuid4().hex, write="^$")
    async with Publisher(denied, source=SHOP, tries=1) as publisher:
        with pytest.raises(BrokerUnavailable, match="see that the broker runs and that URL, user"):
            await publisher.withdraw(WithdrawalSubmitted(reference="t"))


async def test_the_client_says_that_habeas_was_never_there(empty_amqp_url: str) -> None:
    amqp_url = empty_amqp_url
    with pytest.raises(ConfigurationError, match="run `habeas topology`"):
        async with Publisher(amqp_url, source=SHOP):
            pytest.fail("it is not connected")
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):  # and it has left nothing there
            await channel.get_exchange("habeas.requests", ensure=True)


async def test_the_client_says_which_permission_it_lacks_to_read_events(
    pipeline: Pipeline, stack: Stack
) -> None:
    url = await restricted(stack, pipeline.amqp_url, uuid.uuid4().hex, write=r"^habeas\.requests$")
    async with AsyncAmqpClient(url, source=SHOP) as client:
        with pytest.raises(ConfigurationError, match=r"to read habeas\.events"):
            await client.submit({"reference": reference(), "right": "access", "subject": {}})


async def test_the_client_raises_the_reason_of_a_rejection(pipeline: Pipeline) -> None:
    async with AsyncAmqpClient(pipeline.amqp_url, source="unbound.example") as client:
        with pytest.raises(SubmissionRejected, match="source"):
            await client.submit({"reference": reference(), "right": "access", "subject": {}})


async def test_typed_program_follows_requests_with_the_installed_client(
    pipeline: Pipeline, programs: Path
) -> None:
    types = await run(
        *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"),
        *("--python-executable", str(programs / "bin" / "python"), "publish.py", "follow.py"),
        cwd=programs,
    )
    assert types == (0, "Success: no issues found in 2 source files\n")
    url = str(pipeline.http.base_url).rstrip("/")
    said = await sends(
        *(str(programs / "bin" / "python"), "follow.py", "ada@example.org"),
        cwd=programs,
        HABEAS_AMQP_URL=pipeline.amqp_url,
        HABEAS_URL=url,
        HABEAS_API_KEY=KEY,
    )
    printed = [line.split() for line in said.splitlines()]
    assert [(words[0], *words[2:]) for words in printed if words[0] != "event"] == [
        ("http", "closed", "granted"),
        ("amqp", "closed", "granted"),
        ("http", "closed"),
    ]
    assert {words[2] for words in printed if words[0] == "event"} == {"habeas.request.closed.v1"}


async def restricted(stack: Stack, url: str, name: str, *, write: str) -> str:
    """Add a user that may write where *write* fits and do nothing else; return its URL."""
    vhost = url.rpartition("/")[2]
    pattern = write.replace("\\", "\\\\")
    await stack.broker._evaluate(
        f'rabbit_auth_backend_internal:add_user(<<"{name}">>, <<"{name}">>, <<"test">>),'
        f'rabbit_auth_backend_internal:set_permissions(<<"{name}">>, <<"{vhost}">>,'
        f' <<"^$">>, <<"{pattern}">>, <<"^$">>, <<"test">>).'
    )
    return f"amqp://{name}:{name}@{url.partition('@')[2]}"


# --- following a request ----------------------------------------------------------------------------------


def shown(language: str) -> list[str]:
    """Return the blocks of a *language* in the page's section on following a request."""
    section = text("docs/how-to/connect.md").partition("## Follow a request")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


async def test_shown_commands_follow_a_request(pipeline: Pipeline, python: Path, tmp_path: Path) -> None:
    case = await lodged(pipeline, TICKET)
    (tmp_path / "key.txt").write_text(KEY, encoding="utf-8")
    url = str(pipeline.http.base_url).rstrip("/")
    environment = pipeline.environment | {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    commands = [line for block in shown("console") for line in block.splitlines()]
    assert len(commands) == 6
    for line in commands:
        real = (
            line.replace("ticket-4711", TICKET)
            .replace("https://privacy.example.com", url)
            .replace("Bearer …", f"Bearer {KEY}")
        )
        words = ("bash", "-c", real.replace("0123456789abcdef0123456789abcdef", case))
        if (
            "--reference" in line and "--key" not in line
        ):  # of the staff, in a session: test_pipeline_requests.py
            code, said = await run(*words, cwd=tmp_path, **environment)
            assert (code, "habeas login" in said) == (2, True), said
            continue
        said = await sends(*words, cwd=tmp_path, **environment)
        assert re.fullmatch(r"[0-9a-f]{64}\n", said) if "references" in line else case in said, line


async def test_shown_program_hears_of_its_own_request_by_a_keyed_reference(
    pipeline: Pipeline, programs: Path, python: Path, tmp_path: Path
) -> None:
    habeas, settings = str(python.with_name("habeas")), pipeline.environment
    key = (await sends(habeas, "keys", "references", SHOP, cwd=tmp_path, **settings)).strip()
    [block] = shown("python")
    real = re.sub(r'"amqp://[^"]+"', repr(pipeline.amqp_url), block)
    program, example = tmp_path / "program.py", str(programs / "bin" / "python")
    body = "".join(f"    {line}\n" for line in real.splitlines())
    program.write_text(
        f"import asyncio\nREFERENCE_KEY = {key!r}\nasync def main():\n{body}asyncio.run(main())\n",
        encoding="utf-8",
    )
    words = (example, "-u", str(program))
    running = asyncio.create_task(sends(*words, cwd=tmp_path))
    connection = await aio_pika.connect(pipeline.amqp_url)
    async with connection:
        await comes_true(partial(is_bound, connection, f"{user_of(pipeline.amqp_url)}.closed"))
        case = await lodged(pipeline, "order of 2 March")
        await comes_true(partial(is_closed, pipeline, "order of 2 March"))
        assert (await running).startswith(case)


async def is_bound(connection: aio_pika.abc.AbstractConnection, queue: str) -> bool:
    """Return whether there is a *queue* that a program consumes."""
    channel = await connection.channel()
    try:
        found = await channel.get_queue(queue, ensure=True)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return False
    return bool(found.declaration_result.consumer_count)


async def is_closed(pipeline: Pipeline, reference: str) -> bool:
    return bool((await registered(pipeline, reference))["status"] == "closed")


async def lodged(pipeline: Pipeline, reference: str) -> str:
    """Lodge an opt-out of the shop by HTTP; return its id."""
    asked = {
        "reference": reference,
        "right": "opt_out_of_sale",
        "subject": {"email": "ada@example.org"},
        "residence": {"country": "US", "subdivision": "CA"},
        "details": {"statement": reference},
    }
    answer = await pipeline.http.post("/v1/requests", json=asked, headers={"Authorization": f"Bearer {KEY}"})
    return str(answer.raise_for_status().json()["id"])


# --- generated clients ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples for code generators and the schemas, as in the repository."""
    folder = tmp_path_factory.mktemp("generated")
    for part in ("examples/generate", "docs/schemas"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copytree(EXAMPLES.parent / "generate" / "typescript", folder, dirs_exist_ok=True)
    return folder


def generating(pipeline: Pipeline, program: str) -> list[list[str]]:
    """Return the words of the page's commands that run *program*, for the intake of *pipeline*."""
    section = text("docs/how-to/connect.md").partition("## With a code generator")[2].partition("\n## ")[0]
    address = str(pipeline.http.base_url).rstrip("/")
    lines = [line.replace("https://privacy.example.com", address) for line in section.splitlines()]
    runs = {"uvx": [UV, "tool", "run"], "npx": ["npx"]}[program]
    return [runs + shlex.split(line)[1:] for line in lines if line.startswith(program)]


async def follows(pipeline: Pipeline, *program: str, cwd: Path, **settings: str) -> None:
    """Run *program*, which must follow an opt-out to its answer."""
    ticket, url = reference(), str(pipeline.http.base_url)
    words = (*program, ticket, "ada@example.org", "opt_out_of_sale")
    said = await sends(*words, cwd=cwd, HABEAS_URL=url, HABEAS_API_KEY=KEY, **settings)
    case, status = said.split()
    assert case == (await registered(pipeline, ticket))["id"]
    assert status in {"answered", "closed"}


async def test_generated_python_client_is_typed_and_follows_a_request(
    pipeline: Pipeline, generated: Path
) -> None:
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"  # the generator formats by ruff
    [generate] = generating(pipeline, "uvx")
    said = await sends(*generate, cwd=generated, PATH=path)
    assert "WARNING" not in said
    package = generated / "habeas-intake-client"
    shutil.copy(generated / "examples" / "generate" / "python" / "follow.py", package)
    await sends(
        sys.executable, "-m", "mypy", "--config-file=", "follow.py", "habeas_intake_client", cwd=package
    )
    await follows(pipeline, sys.executable, "follow.py", cwd=package)


async def test_generated_types_fit_programs_that_follow_requests_and_read_events(
    pipeline: Pipeline, generated: Path
) -> None:
    (generated / "node_modules").symlink_to(await node_modules(generated))
    for generate in generating(pipeline, "npx"):
        await sends(*generate, cwd=generated)
    await sends("node_modules/.bin/tsc", cwd=generated)
    await follows(pipeline, "node", "follow.js", cwd=generated)
    (generated / "events.jsonl").write_text(json.dumps(example(RequestFulfilled)))
    assert await sends("sh", "-c", "node events.js < events.jsonl", cwd=generated) == "ticket-4711: granted\n"
