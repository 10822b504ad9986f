"""The containers themselves: confined, healthy, reachable where they must be and nowhere else."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from testcontainers.compose import DockerCompose

from services.intake.settings import IntakeSettings
from shared.contract.topology import EVENTS
from shared.errors import BrokerUnavailable, PermanentError
from shared.runtime.broker import Bus, Message
from shared.runtime.mongo import Client, connect, translated
from tests.e2e.composed import PARTS, ROOT, SERVICES, TIMEOUT_S, Composed
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(900)  # the first test waits for images that may have to be built

FOLDERS = ("/tmp", "/", "/app", "/run/secrets", "/etc")  # noqa: S108  the first one may be written
each_service = pytest.mark.parametrize("service", SERVICES)
each_container = pytest.mark.parametrize("service", [*SERVICES, *PARTS])


@pytest_asyncio.fixture
async def mongo(composed: Composed) -> AsyncIterator[Client]:
    client = composed.mongo()
    yield client
    client.close()


def state_of(composed: Composed, service: str) -> dict[str, Any]:
    state: dict[str, Any] = composed.inspect(service)["State"]
    return state


def healthy(composed: Composed, service: str) -> bool:
    return bool(state_of(composed, service)["Health"]["Status"] == "healthy")


@each_container
def test_a_container_is_healthy_when_compose_says_that_all_are_up(composed: Composed, service: str) -> None:
    assert healthy(composed, service)


@each_container
def test_no_process_is_root_or_could_become_it(composed: Composed, service: str) -> None:
    status = dict(
        line.split(":", 1) for line in composed.read(service, "/proc/1/status").splitlines() if ":" in line
    )
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"


@each_service
def test_a_service_can_write_to_tmp_and_nowhere_else(composed: Composed, service: str) -> None:
    attempt = (
        "import errno, pathlib, sys\n"
        "for folder in sys.argv[1:]:\n"
        "    try: (pathlib.Path(folder) / 'tried').write_text('x')\n"
        "    except OSError as error: print(folder, errno.errorcode[error.errno])\n"
    )
    refused = composed.run(service, "python", "-c", attempt, *FOLDERS)
    assert refused.splitlines() == [f"{folder} EROFS" for folder in FOLDERS[1:]]


@each_service
def test_the_secrets_of_a_service_are_files_that_its_user_alone_can_read(
    composed: Composed, service: str
) -> None:
    files = [f"/run/secrets/{service}/{name}" for name in ("mongo_url", "amqp_url")]
    listed = composed.run(service, "stat", "-c", "%a %u", *files)
    assert listed.split("\n")[:2] == ["400 10001", "400 10001"]
    password = composed.read(service, files[1]).split(":")[2].split("@")[0]
    assert password not in json.dumps(composed.inspect(service)["Config"])


@each_service
def test_a_service_sees_the_secrets_of_its_own_account_alone(composed: Composed, service: str) -> None:
    assert composed.run(service, "ls", "/run/secrets").split() == [service]
    assert f"//habeas-{service}:" in composed.read(service, f"/run/secrets/{service}/amqp_url")


async def test_notifier_cannot_publish_what_the_verifier_decides(composed: Composed) -> None:
    message = Message(EVENTS, "habeas.identity.verified.v1", b"{}", "forged")
    bus = Bus(composed.amqp_url_of("notifier"), name="attacker")
    with pytest.raises(BrokerUnavailable):
        await bus.publish([message])
    await bus.close()


def test_only_gateway_and_caught_mail_are_published_and_to_this_machine_alone(composed: Composed) -> None:
    del composed  # only so that this is skipped where Docker is missing
    config = DockerCompose(ROOT, "docker-compose.yml").get_config()
    published = {
        (name, port["host_ip"], port["target"])
        for name, service in config["services"].items()
        for port in service.get("ports", [])
    }
    assert published == {
        ("gateway", "127.0.0.1", 8080),
        ("gateway", "127.0.0.1", 8090),
        ("mail", "127.0.0.1", 8025),
    }
    assert config["networks"]["inside"]["internal"]
    assert set(config["services"]["broker"]["networks"]) == {"inside"}
    assert set(config["services"]["database"]["networks"]) == {"inside"}


def test_intake_answers_on_its_published_port_and_hides_its_metrics_there(composed: Composed) -> None:
    assert httpx.get(f"{composed.intake_url}/livez", timeout=TIMEOUT_S).text == "alive\n"
    assert httpx.get(f"{composed.intake_url}/v1/policies", timeout=TIMEOUT_S).status_code == 200
    for path in ("/readyz", "/metrics"):
        assert httpx.get(f"{composed.intake_url}{path}", timeout=TIMEOUT_S).status_code == 404


async def test_prometheus_of_its_profile_scrapes_every_part_and_reads_the_rules(composed: Composed) -> None:
    composed.command("--profile", "prometheus", "up", "--detach", "--wait", "--no-recreate", "prometheus")
    url = f"http://127.0.0.1:{composed.ports.prometheus}/api/v1"

    async def scraped() -> bool:
        targets = (await http.get("targets")).json()["data"]["activeTargets"]
        health = {one["labels"]["instance"].partition(":")[0]: one["health"] for one in targets}
        assert set(health.values()) == {"up"}, health
        return health.keys() == {*SERVICES, "upkeep", "broker"}

    try:
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as http:
            came: bool = await eventually(scraped)
            assert came
            groups = (await http.get("rules")).json()["data"]["groups"]
    finally:
        composed.command("--profile", "prometheus", "rm", "--force", "--stop", "--volumes", "prometheus")
    assert groups
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}


FORGE = """
import sys, urllib.error, urllib.request
def status(number):
    call = urllib.request.Request("http://gateway:8080/v1/requests", data=b"{}", method="POST")
    call.add_header("Content-Type", "application/json")
    call.add_header("X-Forwarded-For", f"198.51.100.{number}")
    try:
        return urllib.request.urlopen(call, timeout=120).status
    except urllib.error.HTTPError as error:
        return error.code
print(*(status(number) for number in range(int(sys.argv[1]))))
"""


def test_gateway_passes_the_address_of_a_client_on_and_no_forged_one(composed: Composed) -> None:
    """Else strangers had an allowance for each forged address, or all clients one together."""
    calls = IntakeSettings.model_fields["public_requests_per_hour"].default + 1
    answers = composed.run("console", "python", "-c", FORGE, str(calls)).split()
    assert answers[-1] == "429"
    answer = httpx.post(f"{composed.intake_url}/v1/requests", json={}, timeout=TIMEOUT_S)
    assert answer.status_code == 422


async def test_no_call_fails_while_one_of_two_replicas_of_intake_stops(composed: Composed) -> None:
    start = ("up", "--detach", "--wait", "--no-deps", "--no-recreate")
    composed.command(*start, "--scale", "intake=2", "intake")
    stopping = asyncio.create_task(asyncio.to_thread(composed.command, *start, "intake"))
    async with httpx.AsyncClient(base_url=composed.intake_url, timeout=TIMEOUT_S) as http:
        answers = [await http.get("/v1/policies")]
        while not stopping.done():
            answers.append(await http.get("/v1/policies"))
        answers.append(await http.get("/v1/policies"))
    await stopping
    assert {answer.status_code for answer in answers} == {200}


def test_every_service_hears_from_the_broker(composed: Composed) -> None:
    assert set(SERVICES) <= composed.messages().keys()


async def test_the_database_is_a_replica_set_that_all_containers_reach_by_name(mongo: Client) -> None:
    hello = await mongo.admin.command("hello")
    assert (hello["setName"], hello["primary"]) == ("habeas", "database:27017")


async def test_the_database_takes_majority_writes_in_a_transaction(mongo: Client) -> None:
    collection = mongo["e2e"]["probes"]
    async with await mongo.start_session() as session, session.start_transaction():
        await collection.insert_one({"_id": "probe"}, session=session)
    assert await collection.count_documents({}) == 1
    await collection.drop()


async def test_the_database_shows_nothing_to_those_without_the_password(composed: Composed) -> None:
    stranger = connect(
        f"mongodb://127.0.0.1:{composed.ports.mongo}/?directConnection=true", app_name="stranger"
    )
    with pytest.raises(PermanentError), translated("look"):
        await stranger.list_database_names()
    stranger.close()


async def test_the_user_of_a_service_cannot_make_users(composed: Composed) -> None:
    client = connect(composed.mongo_url_of("notifier"), app_name="attacker")
    with pytest.raises(PermanentError), translated("make a user"):
        await client.admin.command("createUser", "intruder", pwd="x", roles=["root"])
    client.close()


async def test_letter_of_the_notifier_is_caught(composed: Composed) -> None:
    send = (
        "import smtplib\n"
        "letter = b'Subject: Probe\\r\\nTo: b@example.org\\r\\n\\r\\nHello'\n"
        "with smtplib.SMTP('mail', 1025) as smtp:\n"
        "    smtp.sendmail('a@example.com', ['b@example.org'], letter)\n"
    )
    composed.run("notifier", "python", "-c", send)
    letters = await eventually(lambda: composed.mail.letters(to="b@example.org"))
    assert [letter["Subject"] for letter in letters] == ["Probe"]


async def test_a_request_over_http_is_answered_by_letter_and_leaves_no_trace_of_the_person(
    composed: Composed,
) -> None:
    subject = {"name": "Ada Kessler", "email": "ada.kessler@example.org"}
    request = {"reference": "c-1", "right": "access", "subject": subject, "residence": {"country": "DE"}}
    async with httpx.AsyncClient(base_url=composed.intake_url, timeout=TIMEOUT_S) as http:
        answer = await http.post("/v1/requests", json=request)
    assert answer.status_code == httpx.codes.ACCEPTED
    letters = await eventually(
        lambda: [one for one in composed.mail.letters(subject["email"]) if "code" in one["Subject"]]
    )
    assert answer.json()["status_url"].startswith(composed.intake_url)
    body = letters[0].get_body(("plain",))
    assert body is not None
    assert composed.intake_url in body.get_content()
    seen = composed.logs() + json.dumps(composed.messages())
    assert subject["email"] not in seen
    assert subject["name"] not in seen


async def test_a_service_that_is_killed_is_started_again(composed: Composed) -> None:
    before = state_of(composed, "verifier")["StartedAt"]
    composed.kill("verifier")
    await eventually(lambda: state_of(composed, "verifier")["StartedAt"] != before)
    await eventually(lambda: healthy(composed, "verifier"))


@each_service
async def test_stopped_service_ends_without_an_error(composed: Composed, service: str) -> None:
    composed.command("stop", "--timeout", "120", service)
    assert state_of(composed, service)["ExitCode"] == 0
    composed.command("start", service)
    await eventually(lambda: healthy(composed, service))


def test_a_second_start_keeps_secrets_and_containers(composed: Composed) -> None:
    def seen() -> list[str]:
        containers = [composed.inspect(name)["Id"] for name in (*SERVICES, *PARTS)]
        return [*containers, composed.secret("keys", "master_key")]

    before = seen()
    composed.up()
    assert seen() == before


def test_operators_give_their_commands_in_a_container_of_its_own(composed: Composed) -> None:
    def command(*words: str) -> Any:
        return json.loads(composed.command("run", "--rm", "-T", "command", *words, "--json"))

    assert isinstance(command("erasures", "list"), list)
    assert set(command("dead-letters")) == {"parked", "set_aside"}


READERS = ["cv2", "onnxruntime", "pikepdf", "tesserocr"]


@each_service
def test_an_image_carries_no_tools_to_build_with_and_no_embedded_stack(
    composed: Composed, service: str
) -> None:
    look = (
        "import importlib.util, json, shutil, sys\n"
        "tools, parts = 'uv gcc cc make git'.split(), 'fiftyone mimesis pytest'.split()\n"
        "found = [name for name in tools if shutil.which(name)]\n"
        "found += [name for name in [*parts, *sys.argv[1:]] if importlib.util.find_spec(name)]\n"
        "print(json.dumps(found))\n"
    )
    found = json.loads(composed.run(service, "python", "-c", look, *READERS))
    assert found == (READERS if service == "verifier" else [])


def test_the_verifiers_image_has_the_model_with_its_licence(composed: Composed) -> None:
    assert composed.run("verifier", "ls", "/app/models").split() == ["LICENSE", "mrz.traineddata"]


def test_reader_of_documents_is_confined_in_its_container(composed: Composed) -> None:
    start = (
        "import asyncio, json\n"
        "from habeas.services.verifier.documents.sandbox import DocumentWorker\n"
        "async def granted():\n"
        "    async with DocumentWorker() as examiner:\n"
        "        await examiner.start()\n"
        "        return dict(examiner.granted)\n"
        "print(json.dumps(asyncio.run(granted())))\n"
    )
    granted = json.loads(composed.run("verifier", "python", "-c", start))
    # A network of its own is refused here; the filter forbids sockets.
    wanted = ("dies_with_service", "filtered_calls", "no_new_privileges", "unreadable_memory")
    assert {name: granted[name] for name in wanted} == dict.fromkeys(wanted, True)
    assert granted["files_confined"] >= 1


@pytest.mark.parametrize(("service", "most_megabytes"), [("intake", 200), ("verifier", 700)])
def test_an_image_is_small_and_a_new_version_changes_little_of_it(
    composed: Composed, service: str, most_megabytes: int
) -> None:
    image = composed.inspect(service)["Image"]
    command = [
        "docker",
        "history",
        "--human=false",
        "--no-trunc",
        "--format",
        "{{.Size}} {{.CreatedBy}}",
        image,
    ]
    lines = composed.compose._run_command(command).stdout.decode().splitlines()
    copied = (line.split() for line in lines if " COPY " in line)
    sizes = {source: int(size) / 1e6 for size, _, source, *_ in copied}
    assert sizes["/product"] < 13
    assert sizes["/app/.venv"] < most_megabytes


def test_the_data_map_of_the_example_is_where_fulfillment_looks(composed: Composed) -> None:
    mounted = composed.run("fulfillment", "ls", "/etc/habeas/datamap").split()
    assert set(mounted) == set(os.listdir(ROOT / "datamaps" / "example"))  # noqa: PTH208  names only


async def test_stores_have_the_collections_of_the_example_at_the_first_start(composed: Composed) -> None:
    """Without them, fulfillment is not ready and the first request ends as a dead letter."""

    def is_ready() -> bool:
        checked = state_of(composed, "fulfillment")["Health"]["Log"][-1]
        assert checked["ExitCode"] == 0
        return '"data map":"ok"' in checked["Output"]

    assert await eventually(is_ready)
    assert "collections of the example are created" in composed.logs()


async def test_overdue_keys_are_destroyed_and_heads_copied_each_day(composed: Composed) -> None:
    def done() -> bool:
        return "new heads in /var/lib/habeas/heads" in composed.logs()

    assert await eventually(done)
    assert state_of(composed, "upkeep")["Status"] == "running"
