"""The manifests for Kubernetes, built as docs/how-to/kubernetes.md says, agree with docker-compose.yml."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contract.topology import inboxes
from shared.runtime.accounts import PROCESSES
from shared.runtime.variables import unknown
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/kubernetes.md"
COMMANDS = re.compile(r"```console\n(cp .*?)```", re.DOTALL)
ROOT_GROUP = 0o440


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """The manifests of the example, by kind and name."""
    if shutil.which("kustomize") is None:
        missing("kustomize is not installed (scripts/setup-tests)")
    folder = tmp_path_factory.mktemp("kubernetes")
    for name in ("deploy", "policies", "datamaps"):
        (folder / name).symlink_to(ROOT / name)
    [commands] = COMMANDS.findall(PAGE.read_text(encoding="utf-8"))
    built = subprocess.run(["bash", "-euc", commands], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(built.stdout)}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


def pod(manifests: dict[tuple[str, str], Any], name: str, kind: str = "Deployment") -> Any:
    return manifests[kind, name]["spec"]["template"]["spec"]


@pytest.mark.parametrize("service", PROCESSES)
def test_service_runs_as_in_compose(
    manifests: dict[tuple[str, str], Any], compose: dict[str, Any], service: str
) -> None:
    [container] = pod(manifests, service)["containers"]
    assert container["args"] == compose[service]["command"]
    assert container["resources"]["limits"]["memory"].lower().removesuffix("i") == _memory(compose[service])
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    targets = {volume.split(":")[-2].strip('"}') for volume in compose[service]["volumes"]}
    assert targets - {"/etc/habeas/trusted_ca.pem"} <= mounts
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert ("PodDisruptionBudget", service) in manifests


def _memory(service: dict[str, Any]) -> str:
    return str(service["mem_limit"]).removesuffix("b")


def test_upkeep_is_probed_on_the_port_where_it_serves(manifests: dict[tuple[str, str], Any]) -> None:
    [container] = pod(manifests, "upkeep")["containers"]
    [settings] = [one["data"] for (kind, name), one in manifests.items() if name.startswith("settings-")]
    assert container["ports"] == [{"name": "ops", "containerPort": int(settings["HABEAS_OPS_PORT"])}]
    paths = {"livenessProbe": "/livez", "readinessProbe": "/readyz", "startupProbe": "/livez"}
    for probe, path in paths.items():
        assert container[probe]["httpGet"] == {"path": path, "port": "ops"}


def test_settings_are_those_of_the_product(manifests: dict[tuple[str, str], Any]) -> None:
    [settings] = [one["data"] for (kind, name), one in manifests.items() if name.startswith("settings-")]
    assert settings["HABEAS_PUBLIC_URL"] == "https://privacy.example.com"
    assert not unknown(settings)


def test_containers_have_no_rights(manifests: dict[tuple[str, str], Any]) -> None:
    workloads = [one for (kind, _), one in manifests.items() if kind in {"Deployment", "Job"}]
    assert len(workloads) == len(PROCESSES) + 2
    for workload in workloads:
        spec = workload["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_every_mounted_secret_comes_from_the_store_and_no_manifest_has_one(
    manifests: dict[tuple[str, str], Any],
) -> None:
    external = {name for kind, name in manifests if kind == "ExternalSecret"}
    mounted = {
        volume["secret"]["secretName"]
        for (kind, name), _ in manifests.items()
        if kind in {"Deployment", "Job"}
        for volume in pod(manifests, name, kind)["volumes"]
        if "secret" in volume
    }
    assert mounted == external
    assert not any(kind == "Secret" for kind, _ in manifests)


def test_master_keys_come_under_each_of_their_names(manifests: dict[tuple[str, str], Any]) -> None:
    spec = manifests["ExternalSecret", "habeas-keys"]["spec"]
    assert spec["dataFrom"] == [{"extract": {"key": "habeas/keys"}}], "a rotation changes the property's name"
    assert "data" not in spec


def test_service_sees_the_secrets_of_its_own_account_alone(manifests: dict[tuple[str, str], Any]) -> None:
    for service in PROCESSES:
        volumes = pod(manifests, service)["volumes"]
        secrets = [volume["secret"] for volume in volumes if "secret" in volume]
        assert secrets == [{"secretName": f"habeas-{service}", "defaultMode": ROOT_GROUP}]


def test_replicas_follow_the_queue_of_the_service(manifests: dict[tuple[str, str], Any]) -> None:
    scaled = {name: one["spec"] for (kind, name), one in manifests.items() if kind == "ScaledObject"}
    assert scaled.keys() == set(PROCESSES) - {"console"}
    for service, spec in scaled.items():
        [trigger] = spec["triggers"]
        assert spec["scaleTargetRef"]["name"] == service
        assert trigger["metadata"]["queueName"] in inboxes()
        assert "replicas" not in manifests["Deployment", service]["spec"], "two would set the number"


def test_topology_job_alone_reaches_the_management_api(manifests: dict[tuple[str, str], Any]) -> None:
    policies = [one["spec"] for (kind, _), one in manifests.items() if kind == "NetworkPolicy"]
    reaching = [
        policy["podSelector"]["matchLabels"]
        for policy in policies
        for rule in policy.get("egress", ())
        if {15671, 15672} & {port["port"] for port in rule["ports"]}
    ]
    assert reaching == [{"app.kubernetes.io/name": "topology"}]
    job = manifests["Job", "topology"]["spec"]["template"]
    assert reaching[0].items() <= job["metadata"]["labels"].items()


def test_pods_reach_and_are_reached_by_policy_alone(manifests: dict[tuple[str, str], Any]) -> None:
    closed = manifests["NetworkPolicy", "nothing-else"]["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    assert "egress" not in closed
    labels = closed["podSelector"]["matchLabels"].items()
    for (kind, name), one in manifests.items():
        if kind in {"Deployment", "Job"}:
            assert labels <= one["spec"]["template"]["metadata"]["labels"].items(), name
