"""A state folder keeps to the stores that it was started with, and records them without credentials."""

import json
from pathlib import Path
from stat import S_IMODE

import pytest

from habeas.embedded import store_record
from habeas.embedded.installation import ENVIRONMENT, Installation
from habeas.embedded.store_record import EMBEDDED, FILE
from shared.errors import ConfigurationError

SHOP = "mongodb://reader:sesame@Shop.example.org/shop?tls=true"
OTHER = "mongodb://reader:sesame@other.example.org/shop"


def start(folder: Path, **stores: str) -> None:
    """Start an installation as far as its services are started."""
    environment = {"HABEAS_STORES": json.dumps(stores)} if stores else {}
    store_record.record(folder, Installation(folder, environment=environment)._stores)


def test_record_has_places_alone_and_is_its_owner_s(tmp_path: Path) -> None:
    start(tmp_path, default=SHOP, crm="mongodb+srv://b.example.org,a.example.org/?w=1")
    assert json.loads((tmp_path / FILE).read_text()) == {
        "default": "shop.example.org:27017/shop",
        "crm": "a.example.org,b.example.org",
    }
    assert S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ({"default": SHOP}, {"default": OTHER}, "shop.example.org:27017/shop"),
        ({"default": SHOP}, {"default": SHOP.replace("/shop", "/trial")}, "shop.example.org:27017/shop"),
        ({"default": SHOP}, {}, "shop.example.org:27017/shop"),
        ({}, {"default": SHOP}, EMBEDDED),
        ({"crm": SHOP}, {"erp": SHOP}, "the store crm at shop.example.org:27017/shop, which is not named"),
    ],
)
def test_start_with_other_stores_is_refused_before_anything_changes(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], place: str
) -> None:
    start(tmp_path, **first)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigurationError, match=place) as caught:
        start(tmp_path, **second)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path} was started with ")
    assert message.endswith(f"with --state; if the same data has a new address, remove {tmp_path / FILE}")
    assert "sesame" not in message
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"default": SHOP}, {"default": "mongodb://writer:other@shop.example.org:27017/shop"}),
        ({"default": SHOP}, {"default": "mongodb://shop.example.org"}),
        ({"default": SHOP}, {"default": SHOP, "crm": OTHER}),
        ({}, {"crm": OTHER}),
    ],
)
def test_same_stores_and_more_are_accepted(
    tmp_path: Path, first: dict[str, str], second: dict[str, str]
) -> None:
    start(tmp_path, **first)
    start(tmp_path, **second)


def test_folder_of_an_earlier_version_keeps_to_its_last_stores(tmp_path: Path) -> None:
    (tmp_path / ENVIRONMENT).write_text(f'HABEAS_STORES={{"default": "{SHOP}"}}\n')
    start(tmp_path, default=SHOP)
    (tmp_path / FILE).unlink()
    with pytest.raises(ConfigurationError, match=r"shop\.example\.org:27017/shop, not at other"):
        start(tmp_path, default=OTHER)


def test_stores_given_as_a_file_are_recorded(tmp_path: Path) -> None:
    (tmp_path / "stores").write_text(json.dumps({"default": SHOP}))
    given = Installation(tmp_path / "state", environment={"HABEAS_STORES_FILE": str(tmp_path / "stores")})
    assert given._stores == {"default": "shop.example.org:27017/shop"}


def test_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[")
    with pytest.raises(ConfigurationError, match=f"^{tmp_path / FILE} is damaged: "):
        Installation(tmp_path)
