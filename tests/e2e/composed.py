"""What a test can see of the composed containers, and do to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from testcontainers.compose import DockerCompose

from shared.runtime.mongo import Client, connect
from tests.waiting import LONG

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "verifier", "fulfillment", "notifier", "console")
PARTS = ("gateway", "broker", "database", "mail")
TIMEOUT_S = LONG.total_seconds()
PAGE = 1_000
"""Letters, or messages of a queue, that are read at most."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of this machine that lead into the containers."""

    intake: int
    console: int
    mail: int
    amqp: int
    management: int
    mongo: int
    prometheus: int

    def variables(self) -> Mapping[str, str]:
        """Return them as the compose files name them."""
        return {
            "HABEAS_PORT": str(self.intake),
            "HABEAS_FRONT": f"10.{self.intake // 256}.{self.intake % 256}",
            "HABEAS_CONSOLE": str(self.console),
            "HABEAS_MAIL_PORT": str(self.mail),
            "HABEAS_PROMETHEUS": str(self.prometheus),
            "E2E_AMQP_PORT": str(self.amqp),
            "E2E_MANAGEMENT_PORT": str(self.management),
            "E2E_MONGO_PORT": str(self.mongo),
            "HABEAS_ERASURE_WINDOW": "PT0S",
        }


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """The letters that the mail catcher holds."""

    url: str

    def letters(self, to: str | None = None) -> list[EmailMessage]:
        """Return the letters, oldest first; only those *to* this address where one is given."""
        with httpx.Client(base_url=self.url, timeout=TIMEOUT_S) as http:
            listed = (
                http.get("/api/v1/messages", params={"limit": PAGE}).raise_for_status().json()["messages"]
            )
            wanted = [one["ID"] for one in listed if to is None or to in _recipients(one)]
            raw = [http.get(f"/api/v1/message/{id_}/raw").raise_for_status().content for id_ in wanted]
        return [message_from_bytes(letter, policy=policy.default) for letter in reversed(raw)]


def _recipients(summary: Mapping[str, Any]) -> set[str]:
    return {one["Address"] for field in ("To", "Cc", "Bcc") for one in summary[field]}


@dataclass(frozen=True, slots=True)
class Composed:
    """The containers of docker-compose.yml, up and healthy."""

    compose: DockerCompose
    ports: Ports

    @property
    def intake_url(self) -> str:
        """Where intake's API is."""
        return f"http://127.0.0.1:{self.ports.intake}"

    @property
    def mail(self) -> CaughtMail:
        """What was sent."""
        return CaughtMail(f"http://127.0.0.1:{self.ports.mail}")

    @property
    def amqp_url(self) -> str:
        """Broker URL for an upstream system on this machine."""
        return self.amqp_url_of("upstream")

    def amqp_url_of(self, account: str) -> str:
        """Return the broker URL of *account*, from this machine."""
        secret = urlsplit(self.secret(account, "amqp_url"))
        return f"amqp://{secret.username}:{secret.password}@127.0.0.1:{self.ports.amqp}/"

    @property
    def mongo_url(self) -> str:
        """MongoDB URL of the database's administrator, from this machine."""
        return self._mongo_url("setup", "root_url")

    def mongo_url_of(self, account: str) -> str:
        """Return the MongoDB URL of *account*, from this machine."""
        return self._mongo_url(account, "mongo_url")

    def _mongo_url(self, folder: str, file: str) -> str:
        secret = urlsplit(self.secret(folder, file))
        user = f"{secret.username}:{secret.password}"
        return f"mongodb://{user}@127.0.0.1:{self.ports.mongo}/?authSource=admin&directConnection=true"

    def secret(self, folder: str, file: str) -> str:
        """Return a file of the secrets, which no container sees all of."""
        words = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "secrets")
        return self.command(*words, f"/secrets/{folder}/{file}").strip()

    def mongo(self) -> Client:
        """Return a client of all databases, ours and the business's; the caller closes it."""
        return connect(self.mongo_url, app_name="habeas-tests")

    def run(self, service: str, *command: str) -> str:
        """
        Return what *command* prints in the container of *service*.

        Raises:
            subprocess.CalledProcessError: It ended with another code than 0.
        """
        return self.compose.exec_in_container(list(command), service)[0]

    def read(self, service: str, file: str) -> str:
        """Return the content of a file in the container of *service*, stripped."""
        return self.run(service, "cat", file).strip()

    def up(self) -> None:
        """Do what an operator's ``docker compose up --wait`` does, again."""
        self.compose.start()

    def kill(self, service: str) -> None:
        """Kill the process of *service* as a crash would: it may finish nothing."""
        self.run(service, "bash", "-c", "kill -9 $(cat /proc/1/task/1/children)")

    def command(self, *words: str) -> str:
        """Return what ``docker compose`` *words* prints."""
        prefix = self.compose.docker_compose_command()
        return self.compose._run_command([*prefix, *words]).stdout.decode()

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what Docker knows of the container of *service*."""
        container = self.compose.get_container(service, include_all=True)
        found: list[dict[str, Any]] = json.loads(
            self.compose._run_command(["docker", "inspect", str(container.ID)]).stdout
        )
        return found[0]

    def logs(self) -> str:
        """Return every line that any container has written so far."""
        return "".join(self.compose.get_logs())

    def messages(self) -> dict[str, list[str]]:
        """Return queue → the messages that wait in it, which stay there. Binary bodies come as base64."""
        secret = urlsplit(self.secret("topology", "amqp_url"))
        credentials = (str(secret.username), str(secret.password))
        url = f"http://127.0.0.1:{self.ports.management}"
        with httpx.Client(base_url=url, auth=credentials, timeout=TIMEOUT_S) as http:
            names = [queue["name"] for queue in http.get("/api/queues/%2F").raise_for_status().json()]
            return {name: _waiting(http, name) for name in names}


def _waiting(http: httpx.Client, queue: str) -> list[str]:
    peek = {"count": PAGE, "ackmode": "ack_requeue_true", "encoding": "auto"}
    answer = http.post(f"/api/queues/%2F/{quote(queue, safe='')}/get", json=peek).raise_for_status()
    return [json.dumps(message) for message in answer.json()]
