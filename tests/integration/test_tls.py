"""Connections to real servers over TLS, with certificates of a private authority (docs/how-to/tls.md)."""

import asyncio
import base64
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.parts.database import Database
from habeas.embedded.parts.ports import free_port
from habeas.embedded.stack import Stack
from tests.integration.mail_server import MailHost, running

PAGE = Path("docs/how-to/tls.md")
COMMANDS = re.compile(r"```console\n(.*?)```", re.DOTALL)
UNTRUSTED = "unable to get local issuer certificate"


class EncryptedDatabase(Database):
    """A database that also takes TLS; the stack configures it without."""

    def _arguments(self, program: Path) -> list[str]:
        own = ("--tlsMode", "preferTLS", "--tlsCertificateKeyFile", str(self.folder.parent / "mongod.pem"))
        arguments: list[str] = Database._arguments(self, program)
        return [*arguments, *own, "--tlsAllowConnectionsWithoutCertificates"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the commands of the page have run."""
    return made_by_page(tmp_path_factory.mktemp("tls"))


def made_by_page(folder: Path) -> Path:
    """Run the commands of the page in *folder*."""
    [commands] = COMMANDS.findall(PAGE.read_text(encoding="utf-8"))
    subprocess.run(["bash", "-euc", commands], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607  the page's own
    return folder


@pytest_asyncio.fixture(scope="module")
async def urls(parts: Stack | None, certificates: Path) -> AsyncIterator[dict[str, str]]:
    """URLs of a broker, a database, a mail server and an HTTP server with the certificate."""
    if parts is None:
        pytest.skip("the broker is not ours")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    database = EncryptedDatabase(certificates / "database", free_port(), "a password")
    process = await database.start()
    broker, http = free_port(), await asyncio.start_server(_salted, "127.0.0.1", 0, ssl=context)
    await _listen(parts, broker, certificates)
    async with running(MailHost(), tls=context) as mail:
        yield {
            "broker": parts.broker.url.replace("amqp:", "amqps:").replace(
                f":{parts.broker.port}", f":{broker}"
            ),
            "database": f"{database.url}&tls=true",
            "mail": f"smtps://localhost:{mail.port}",
            "http": f"https://localhost:{http.sockets[0].getsockname()[1]}",
        }
    http.close()
    await process.kill()


async def _salted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one question for a salt."""
    await reader.readuntil(b"\r\n\r\n")
    body = b'{"salt": "00"}'
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    writer.close()


async def _listen(parts: Stack, port: int, folder: Path) -> None:
    """Have the broker listen for TLS on *port* as well."""
    options = f'[{{certfile, "{folder / "server.pem"}"}}, {{keyfile, "{folder / "server.key"}"}}]'
    await parts.broker._evaluate(f"rabbit_networking:start_ssl_listener({port}, {options}, 1).")


async def outcomes(urls: Mapping[str, str], **environment: str) -> dict[str, Any]:
    """Return what a new process says of a connection to each of *urls*."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.tls_connections", json.dumps(urls),
        env={"PATH": os.environ["PATH"], **environment}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await child.communicate()
    found: dict[str, Any] = json.loads(output)
    return found


async def test_connections_of_all_kinds_trust_a_private_authority(
    urls: dict[str, str], certificates: Path
) -> None:
    trusting = await outcomes(urls, HABEAS_TRUSTED_CA=str(certificates / "ca.pem"))
    assert trusting == dict.fromkeys(urls, "ok")


async def test_traces_go_to_a_collector_with_a_certificate_of_the_private_authority(
    urls: dict[str, str], certificates: Path
) -> None:
    collector = {"traces": urls["http"]}
    assert await outcomes(collector, HABEAS_TRUSTED_CA=str(certificates / "ca.pem")) == {"traces": "ok"}
    assert await outcomes(collector, OTEL_EXPORTER_OTLP_TIMEOUT="1") != {"traces": "ok"}


async def test_refused_connections_state_the_cause_and_no_password(urls: dict[str, str]) -> None:
    refused = await outcomes(urls)
    assert all(UNTRUSTED in reason for reason in refused.values()), refused
    assert all("\n" not in reason and "password" not in reason for reason in refused.values())


async def test_old_and_new_authority_are_trusted_while_certificates_are_exchanged(
    urls: dict[str, str], parts: Stack, certificates: Path, tmp_path: Path
) -> None:
    made_by_page(tmp_path)
    await _listen(parts, renewed := free_port(), tmp_path)
    broker = re.sub(r":\d+/", f":{renewed}/", urls["broker"])
    exchanged = {"broker": broker, "database": urls["database"]}
    new, both = tmp_path / "ca.pem", tmp_path / "both.pem"
    both.write_bytes((certificates / "ca.pem").read_bytes() + new.read_bytes())
    assert await outcomes(exchanged, HABEAS_TRUSTED_CA=str(both)) == {"broker": "ok", "database": "ok"}
    later = await outcomes(exchanged, HABEAS_TRUSTED_CA=str(new))
    assert later["broker"] == "ok"
    assert UNTRUSTED in later["database"] or "signature" in later["database"]


async def test_certificate_for_another_host_is_refused(urls: dict[str, str], certificates: Path) -> None:
    others = {kind: re.sub(r"(127\.0\.0\.1|localhost):", "127.1:", url) for kind, url in urls.items()}
    others["database"] = others["database"].replace("replicaSet=habeas", "directConnection=true")
    refused = await outcomes(others, HABEAS_TRUSTED_CA=str(certificates / "ca.pem"))
    assert all("Hostname mismatch" in reason for reason in refused.values()), refused


async def test_verb_reaches_the_database_over_tls(
    urls: dict[str, str], certificates: Path, tmp_path: Path
) -> None:
    key = base64.b64encode(bytes(32)).decode()
    own = {"HABEAS_MONGO_URL": urls["database"], "HABEAS_MASTER_KEY": key, "HOME": str(tmp_path)}
    trusted = {"HABEAS_TRUSTED_CA": str(certificates / "ca.pem")}
    assert await verb("staff", "list", **own, **trusted) == (0, "")


async def test_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate", encoding="utf-8")
    code, complaint = await verb("due", "--help", HABEAS_TRUSTED_CA=str(file))
    assert (code, complaint) == (2, f"habeas: HABEAS_TRUSTED_CA: {file} holds no certificate (PEM)\n")


async def verb(*words: str, **environment: str) -> tuple[int, str]:
    """Run a verb; return its exit code and its errors."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "habeas", *words,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await child.communicate()
    assert child.returncode is not None
    return child.returncode, complaint.decode()
