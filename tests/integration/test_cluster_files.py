"""docker-compose.cluster.yml, as `docker compose config` reads it, and the secrets that it makes."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.accounts import PROCESSES
from shared.runtime.replica_set import Access
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
BROKERS = ("broker", "broker-2", "broker-3")
DATABASES = ("database", "database-2", "database-3")
FILES = ("-f", "docker-compose.yml", "-f", "docker-compose.cluster.yml")


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    """The services of the cluster."""
    if shutil.which("docker") is None:
        missing("docker is not installed (scripts/setup-docker)")
    command = ["docker", "compose", *FILES, "config", "--format", "json"]
    read = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    services: dict[str, Any] = json.loads(read.stdout)["services"]
    return services


def sources(service: dict[str, Any], target: str) -> list[str]:
    return [volume["source"] for volume in service["volumes"] if volume["target"] == target]


@pytest.mark.parametrize("service", PROCESSES)
def test_every_service_has_two_replicas(cluster: dict[str, Any], service: str) -> None:
    assert cluster[service]["deploy"]["replicas"] == 2
    assert "ports" not in cluster[service]


@pytest.mark.parametrize(
    ("members", "data"), [(BROKERS, "/var/lib/rabbitmq"), (DATABASES, "/data/db")], ids=["broker", "database"]
)
def test_each_member_has_a_name_and_data_of_its_own_and_the_same_secrets(
    cluster: dict[str, Any], members: tuple[str, ...], data: str
) -> None:
    assert [cluster[name]["hostname"] for name in members] == list(members)
    assert [sources(cluster[name], data) for name in members] == [[name] for name in members]
    assert len({str(sources(cluster[name], "/run/secrets")) for name in members}) == 1
    first, *others = (cluster[name] for name in members)
    for key in ("user", "cap_drop", "mem_limit", "networks", "restart", "healthcheck", "command"):
        assert all(other[key] == first[key] for other in others), key


def test_brokers_find_one_another(cluster: dict[str, Any]) -> None:
    conf = (ROOT / "deploy/cluster/rabbitmq.conf").read_text(encoding="utf-8")
    assert re.findall(r"nodes\.\d+ = rabbit@(\S+)", conf) == list(BROKERS)
    mounted = [sources(cluster[name], "/etc/rabbitmq/conf.d/20-cluster.conf") for name in BROKERS]
    assert mounted == [[str(ROOT / "deploy/cluster/rabbitmq.conf")]] * 3


def test_only_the_first_database_makes_a_user(cluster: dict[str, Any]) -> None:
    """A replica set takes no new member that has data."""
    assert "MONGO_INITDB_ROOT_USERNAME" in cluster["database"]["environment"]
    assert [cluster[name].get("environment") for name in DATABASES[1:]] == [None, None]


def test_topology_waits_for_all_members(cluster: dict[str, Any]) -> None:
    """A queue that is declared before has fewer copies."""
    assert set(BROKERS) <= cluster["topology"]["depends_on"].keys()
    assert set(DATABASES) <= cluster["replica-set"]["depends_on"].keys()


def make_secrets(folder: Path, **members: str) -> dict[str, str]:
    if os.geteuid() != 0:
        pytest.skip("only root can give files to their users")
    environment = {"PATH": os.environ["PATH"], **members}
    subprocess.run(["bash", "scripts/secrets", str(folder)], cwd=ROOT, check=True, env=environment)  # noqa: S603, S607
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8").strip()
        for file in folder.rglob("*_url")
    }


def test_urls_name_all_members_and_keep_their_passwords_when_a_cluster_is_made_of_one(
    cluster: dict[str, Any], tmp_path: Path
) -> None:
    one = make_secrets(tmp_path)
    own = tmp_path / "upstream/amqp_url"
    own.write_text("amqps://upstream:secret@broker.example.com:5671/habeas\n", encoding="utf-8")
    three = make_secrets(tmp_path, **cluster["secrets"]["environment"])
    for account in ("topology", "command", *PROCESSES):
        broker, database = three[f"{account}/amqp_url"], three[f"{account}/mongo_url"]
        assert broker == one[f"{account}/amqp_url"].replace(
            "@broker:5672/", "@broker:5672,broker-2:5672,broker-3:5672/"
        )
        assert Access.read(database).members == tuple(f"{name}:27017" for name in DATABASES)
        assert database.split("@")[0] == one[f"{account}/mongo_url"].split("@")[0]
    assert three["upstream/amqp_url"] == "amqps://upstream:secret@broker.example.com:5671/habeas"
    assert make_secrets(tmp_path, **cluster["secrets"]["environment"]) == three
