"""P40: the procedure for a breach can be drilled, with real counts and clocks, and letters to staff alone."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from tests.integration.incident_pages import shown, shown_once_it_is
from tests.integration.pipeline import Pipeline, Somebody, command
from tests.promises.test_p30_breach import approve, contacts, declare, declared

STAFF = ("dana.muster@fernlicht.example", "emil.beispiel@fernlicht.example")
SENTENCE = "This is a drill. No data was breached, and you need not do anything."


def recipients(pipeline: Pipeline, incident: str) -> list[str]:
    """Return the recipient of every letter about *incident*."""
    letters = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in pipeline.mail.folder.glob("*.eml")
    ]
    return [str(one["Delivered-To"]).lower() for one in letters if one["X-Habeas-Incident"] == incident]


async def register(pipeline: Pipeline, folder: Path) -> dict[str, dict[str, Any]]:
    """Return the register of breaches, by incident."""
    file = folder / "register.json"
    code, _, complaint = await command(
        pipeline, "breach", "register", "--out", str(file), "--as", "dana.muster"
    )
    assert code == 0, complaint
    return {row["incident"]: row for row in json.loads(file.read_text())}


async def test_drill_counts_real_people_and_writes_to_staff_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    drill = await declare(pipeline, declared(pipeline, "EXERCISE", drill=list(STAFF)))
    known = await shown_once_it_is(pipeline, drill, "scoped")
    everybody = {one["email"].lower() for one in await contacts(pipeline)}
    assert known["drill"] is True
    assert sum(known["phases"][0]["by_law"].values()) == len(everybody)
    clocks = {clock["clock"]: clock["due_at"] for clock in known["duties"]}
    assert any(name.startswith("gdpr.authority") and due for name, due in clocks.items()), clocks

    samples = tmp_path / "samples"
    code, _, complaint = await command(
        pipeline, "breach", "preview", drill, "--as", "emil.beispiel", "--out", str(samples)
    )
    assert code == 0, complaint
    previews = [path.read_text(encoding="utf-8") for path in samples.rglob("*.*") if path.is_file()]
    assert any(SENTENCE in " ".join(text.split()) for text in previews)
    assert (await approve(pipeline, drill, "dana.muster"))[0] != 0, "a drill needs another account, too"
    assert (await approve(pipeline, drill, "emil.beispiel"))[0] == 0
    notified = await shown_once_it_is(pipeline, drill, "notified")
    got = recipients(pipeline, drill)
    assert set(got) == set(STAFF)
    assert notified["phases"][0]["counts"]["sent"] == len(got) < len(everybody)
    assert not everybody & set(got)
    letters = [one for mailbox in STAFF for one in pipeline.letters_to(Somebody(mailbox, ""), drill)]
    english = [one for one in letters if one.message["Content-Language"] == "en"]
    assert all(one.subject.startswith("Drill: ") for one in english)
    assert all(SENTENCE in " ".join(one.body().split()) for one in english)
    assert english
    row = (await register(pipeline, tmp_path))[drill]
    assert (row["drill"], row["letters_sent"]) == (True, len(got))


async def test_breach_under_the_reference_of_a_drill_is_another_incident(pipeline: Pipeline) -> None:
    drill = await declare(pipeline, declared(pipeline, "ONE-NAME", drill=list(STAFF)))
    known = await shown_once_it_is(pipeline, drill, "scoped")
    breach = await declare(pipeline, declared(pipeline, "ONE-NAME"))
    assert breach != drill
    real = await shown_once_it_is(pipeline, breach, "scoped")
    assert real["drill"] is False
    assert real["phases"][0]["by_law"] == known["phases"][0]["by_law"], "no person counts as notified"
    assert len((await shown(pipeline, drill))["phases"]) == 1
