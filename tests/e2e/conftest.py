"""
The whole product in containers, brought up once per run from docker-compose.yml.

Where image registries are reached, their images are used; elsewhere stand-ins are built
(scripts/images-offline). A machine without Docker skips these tests and says so; with ``CI`` set it
fails them.
"""

import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

import pytest
from testcontainers.compose import DockerCompose

from habeas.embedded.parts.ports import free_port
from tests.e2e.composed import PARTS, ROOT, Composed, Ports

STAND_INS = ROOT / "tests" / "images" / "offline.env"
REASON_GIVEN = 3
"""Exit code with which our scripts say that something cannot be had here."""


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    """Run *command* in the root of the project, whatever comes of it."""
    return subprocess.run(  # noqa: S603  every word is written in this file
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )


def require_docker() -> None:
    try:
        found = ran("docker", "info").returncode == 0
    except FileNotFoundError:
        found = False
    if not found:
        missing("no Docker answers (scripts/setup-docker starts one)")


def build_stand_ins() -> None:
    built = ran("scripts/images-offline")
    if built.returncode == REASON_GIVEN:
        missing(built.stderr.strip())
    if built.returncode:
        pytest.fail(f"scripts/images-offline: {built.stderr[-2000:]}", pytrace=False)


def free_ports() -> Ports:
    """Claim ports: between their drawing and their use images may be built, which takes minutes."""
    return Ports(*(free_port() for _ in fields(Ports)))


def project_file(folder: Path, ports: Ports) -> str:
    variables = {"COMPOSE_PROJECT_NAME": f"habeas-e2e-{uuid.uuid4().hex[:8]}", **ports.variables()}
    file = folder / "project.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
    return str(file)


def up(compose: DockerCompose) -> None:
    try:
        compose.start()
    except subprocess.CalledProcessError as error:
        tail = compose.get_logs()[0][-6000:]
        pytest.fail(f"{tail}\ndocker compose up: {error.stderr.decode()[-1000:]}", pytrace=False)


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The whole product, up and healthy, on free ports, with volumes of its own."""
    require_docker()
    ports = free_ports()
    variables = [project_file(tmp_path_factory.mktemp("compose"), ports)]
    official = ran("docker", "compose", "pull", "--quiet", *PARTS).returncode == 0
    if not official:
        build_stand_ins()
        variables.insert(0, str(STAND_INS))
    files = ["docker-compose.yml", "tests/e2e/reachable.yml"]
    compose = DockerCompose(ROOT, files, build=official, env_file=variables)
    try:
        up(compose)
        yield Composed(compose, ports)
    finally:
        compose.stop()
