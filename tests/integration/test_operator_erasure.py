"""The verb ``erase`` as an operator meets it: what it says, how it ends, and whom it has looked for."""

import base64
import json
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.changes.suppressions import SuppressionList, SuppressionPurpose
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Client
from tests.integration.forked_processes import said
from tests.integration.test_engine import World

KEY = bytes(32)
ADA, BO, CY = "ada@example.org", "bo@example.org", "cy@example.org"
MAP = """
dataset:
  - fides_key: {prefix}desk
    meta: {{ habeas: {{ recipients: [Tax adviser] }} }}
    collections:
      - name: people
        meta: {{ habeas: {{ erasure: delete }} }}
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {{ identity: email }}
            meta: {{ habeas: {{ verified: always }} }}
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: {{ identity: phone_number }}
            meta: {{ habeas: {{ verified: always }} }}
          - {{ name: name, data_categories: [user.name] }}
"""
POLLS = """
      - name: polls
        data_categories: [user.contact.email]
        fields: [ { name: email, fides_meta: { identity: email } } ]
"""


@dataclass
class Operator:
    """Somebody at a terminal."""

    world: World
    environment: dict[str, str]

    async def says(self, *words: str) -> tuple[int, str, str]:
        """Run ``habeas`` *words*; return its code, what it printed and what it complained of."""
        return await said("habeas", words, self.environment)

    async def people(self) -> list[str]:
        """Return the addresses that are still there."""
        people = self.world.client[self.world.prefix + "desk"]["people"]
        return sorted([one["email"] async for one in people.find()])

    async def stopped(self, **known: str) -> bool:
        """Tell whether somebody stands on the suppression list as erased."""
        database = self.world.client[f"{self.world.prefix}_fulfillment"]
        suppressions = SuppressionList(database, derived_key(KEY, "suppressions"))
        return await suppressions.holds(
            {name: (value,) for name, value in known.items()}, SuppressionPurpose.ERASED
        )


@pytest_asyncio.fixture
async def operator(
    mongo_client: Client, mongo_url: str, database_prefix: str, tmp_path: Path
) -> AsyncIterator[Operator]:
    world = World(mongo_client, database_prefix, Stores({"default": mongo_client}))
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "map.yml").write_text(MAP.format(prefix=database_prefix), encoding="utf-8")
    await world.insert(
        "desk.people",
        {"_id": 1, "email": ADA, "phone": "+49 30 5550147"},
        {"_id": 2, "email": BO},
        {"_id": 3, "email": CY},
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "COLUMNS": "80",
        "HABEAS_MONGO_URL": mongo_url,
        "HABEAS_DATABASE_PREFIX": database_prefix,
        "HABEAS_MASTER_KEY": base64.b64encode(KEY).decode(),
        "HABEAS_DATAMAP": str(maps),
        "HABEAS_MAIL_FROM": "Example <privacy@example.com>",
        "HABEAS_STATE": str(tmp_path / "state"),
    }
    yield Operator(world, environment)


@pytest.mark.parametrize("words", [["gather"], ["erase", "--dry-run"], ["erase", "--yes"]], ids=" ".join)
async def test_a_misspelt_identity_is_no_answer_that_nothing_is_held(
    operator: Operator, words: list[str]
) -> None:
    code, output, errors = await operator.says(*words, "--identity", f"emial={ADA}")
    assert (code, output) == (2, "")
    assert errors == (
        "habeas: no search is possible: the data map knows no identity emial; it knows email, phone_number\n"
    )
    assert ADA in await operator.people()


async def test_gather_reports_a_shared_mailbox_and_writes_files_for_their_owner_alone(
    operator: Operator, tmp_path: Path
) -> None:
    data_map = Path(operator.environment["HABEAS_DATAMAP"]) / "map.yml"
    data_map.write_text(data_map.read_text(encoding="utf-8") + POLLS, encoding="utf-8")
    shared = [{"_id": 4, "email": ADA, "name": "Ada Example"}, {"_id": 5, "email": ADA, "name": "Bo Sample"}]
    await operator.world.insert("desk.people", *shared)
    folder, key = tmp_path / "records", f"{operator.world.prefix}desk"
    folder.mkdir()
    (folder / f"{key}.people.json").touch(mode=0o644)
    words = ("gather", "--identity", f"email={ADA}", "--out", str(folder))
    code, output, errors = await operator.says(*words, "--json")
    assert code == 0
    assert errors == (
        f"habeas: {key}.polls does not exist: it counts as empty\n"
        "habeas: records of 2 differently named people share the identity email: "
        f"{key}.people; check whose they are before you use them\n"
    )
    assert json.loads(output)["shared_identities"] == [
        {"identity": "email", "people": 2, "collections": [f"{key}.people"]}
    ]
    assert [(file.name, stat.filemode(file.stat().st_mode)) for file in folder.iterdir()] == [
        (f"{key}.people.json", "-rw-------")
    ]


async def test_several_values_of_one_identity_are_all_erased_and_put_on_the_suppression_list(
    operator: Operator,
) -> None:
    words = ("--identity", f"email={ADA}", "--identity", f"email={BO}", "--identity", "shoe=44")
    code, output, errors = await operator.says("erase", "--yes", *words)
    assert (code, errors) == (
        0,
        "habeas: the data map knows no identity shoe; it knows email, phone_number\n",
    )
    assert await operator.people() == [CY]
    assert "done: 2 erased; searched again: nothing is left" in output
    assert await operator.stopped(email=ADA)
    assert await operator.stopped(email=BO)
    assert await operator.stopped(phone_number="+49305550147"), "what the records say of them, too"
    assert not await operator.stopped(email=CY)


async def test_verb_notifies_no_recipient_and_names_the_certificate(
    operator: Operator, tmp_path: Path
) -> None:
    code, output, errors = await operator.says("erase", "--yes", "--identity", f"email={ADA}")
    assert (code, errors) == (0, "")
    assert "this verb notifies no recipient" in output
    assert "Tax adviser" in output
    assert "{" not in output, "JSON is for programs"
    number = output.rsplit("habeas certificate fetch ", 1)[1].strip()
    code, output, errors = await operator.says("certificate", "fetch", number, "--out", str(tmp_path))
    assert (code, errors) == (0, "")
    assert output.strip() == str(tmp_path / f"certificate-{number}.json")
    content = json.loads((tmp_path / f"certificate-{number}.json").read_bytes())["certificate"]
    assert content["recipients"] == content["recipients_untold"] == ["Tax adviser"]


async def test_what_is_left_ends_with_one_and_says_how_to_go_on(operator: Operator) -> None:
    database = operator.world.client[operator.world.prefix + "desk"]
    maps = Path(operator.environment["HABEAS_DATAMAP"]) / "map.yml"
    maps.write_text(maps.read_text(encoding="utf-8").replace("erasure: delete", "erasure: mask"))
    never: dict[str, Any] = {"$expr": {"$eq": ["$email", ADA]}}
    await database.command("collMod", "people", validator=never, validationAction="error")
    code, output, errors = await operator.says("erase", "--yes", "--identity", f"email={ADA}")
    assert code == 1
    key = f"{operator.world.prefix}desk.people"
    assert errors.startswith(f"habeas: left: 1 in {key} (store rules): remove the cause and run")
    assert errors.count("\n") == 1
    assert "nothing is left" not in output

    await database.command("collMod", "people", validator={})
    code, output, errors = await operator.says("erase", "--yes", "--identity", f"email={ADA}", "--json")
    assert (code, errors) == (0, "")
    assert json.loads(output)["certificate"]["verification"]["result"] == "nothing_left"


async def test_verb_exits_with_one_when_fields_are_left_because_they_are_read_only(
    operator: Operator,
) -> None:
    maps = Path(operator.environment["HABEAS_DATAMAP"]) / "map.yml"
    fixed = MAP.replace("erasure: delete", "erasure: mask").replace("identity:", "read_only: true, identity:")
    maps.write_text(fixed.format(prefix=operator.world.prefix), encoding="utf-8")
    code, output, errors = await operator.says("erase", "--yes", "--identity", f"email={ADA}")
    assert code == 1
    assert f"left: 1 in {operator.world.prefix}desk.people (not changeable)" in errors
    assert "nothing is left" not in output
    assert ADA in await operator.people()


async def test_unwritable_certificate_is_an_error_before_the_erasure(
    operator: Operator, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    words = (
        "erase",
        "--yes",
        "--identity",
        f"email={ADA}",
        "--certificate",
        str(tmp_path / "file" / "c.json"),
    )
    code, _, errors = await operator.says(*words)
    assert code == 2
    assert "cannot be written" in errors
    assert ADA in await operator.people()


async def test_filter_of_suppression_list_refuses_tables(operator: Operator, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text(f"id,email\n1,{ADA}\n", encoding="utf-8")
    code, output, errors = await operator.says("suppressions", "filter", str(table))
    assert (code, output) == (2, "")
    assert "line 1 is not just an e-mail address" in errors
