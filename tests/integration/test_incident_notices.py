"""What operators see of an incident before anybody is told, on services that have found who is affected."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from habeas.embedded.stack import Stack
from tests.integration.incident_pages import until_it_is
from tests.integration.pipeline import Pipeline, command, now, prepared
from tests.unit.pages import ROOT

EXAMPLE = ROOT / "examples" / "breach" / "incident.yaml"


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with prepared(parts, tmp_path_factory.mktemp("notices"), customers=20) as pipeline:
        await pipeline.start("intake", "fulfillment", "notifier")
        yield pipeline
        await pipeline.stop()


@pytest_asyncio.fixture(scope="module")
async def incident(pipeline: Pipeline) -> str:
    """Declare a breach, and wait until it is known who is affected."""
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    today = now()
    content |= {
        "reference": "INC-notices",
        "affected": {"collections": [{"collection": "contacts"}], "list": content["affected"]["list"]},
        "occurred_from": (today - timedelta(days=2)).isoformat(),
        "occurred_to": (today - timedelta(days=1)).isoformat(),
        "detected_at": (today - timedelta(hours=3)).isoformat(),
        "aware_at": (today - timedelta(hours=2)).isoformat(),
        "next_update_at": (today + timedelta(days=7)).isoformat(),
    }
    file = pipeline.folder / "incident.json"
    file.write_text(json.dumps(content, default=str), encoding="utf-8")
    code, said, wrong = await command(pipeline, "breach", "declare", str(file), "--as", "ada.muster")
    assert code == 0, wrong
    found = said.partition("habeas breach show ")[2].split("`")[0]

    await until_it_is(pipeline, found, "scoped")
    return found


def contents(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob(pattern)]


async def test_people_with_the_same_notice_share_a_sample(
    pipeline: Pipeline, incident: str, tmp_path: Path
) -> None:
    code, said, wrong = await command(
        pipeline, "breach", "preview", incident, "--out", str(tmp_path), "--as", "bea.muster"
    )
    assert code == 0, wrong
    assert b"Guten Tag" in b"".join(contents(tmp_path, "gdpr.de*.eml"))
    assert f"{len(contents(tmp_path, '*.eml'))} letters; open" in said
    for mail in contents(tmp_path, "*.eml"):
        assert b"amelia@example.net" in mail
        assert f"X-Habeas-Incident: {incident}".encode() in mail
        assert b"bruno" not in mail.lower()


async def test_there_is_a_document_for_each_authority_with_counts(
    pipeline: Pipeline, incident: str, tmp_path: Path
) -> None:
    code, said, wrong = await command(
        pipeline, "breach", "forms", incident, "--out", str(tmp_path), "--as", "carl.muster"
    )
    assert code == 0, wrong
    document = json.loads((tmp_path / "gdpr.authority.DE.json").read_text("utf-8"))
    assert "gdpr.authority.DE" in said
    told = {field["element"]: field for field in document["fields"]}
    assert document["incident"] == incident
    assert not told["people_count"]["missing"]
    assert "Sicherung" in "".join(told["nature"]["answer"])
    assert told["people_told"]["answer"] == ["Not notified yet."]


async def test_an_incident_that_is_none_is_said(pipeline: Pipeline, tmp_path: Path) -> None:
    for verb in ("preview", "forms"):
        code, _, wrong = await command(
            pipeline, "breach", verb, "0" * 32, "--out", str(tmp_path), "--as", "ada.muster"
        )
        assert code == 2
        assert "no such incident" in wrong
