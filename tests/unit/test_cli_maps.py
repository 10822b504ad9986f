"""The verbs about data maps."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.cli.maps import verdict
from services.fulfillment.datamap.reader import load
from services.fulfillment.map_check import MapCoverage
from shared.errors import ConfigurationError, InvalidDataMap

EXAMPLE = Path(__file__).parents[2] / "datamaps" / "example"
FIDES = """dataset:
  - fides_key: a
    data_qualifier: x
    collections: [ { name: b, fields: [ { name: _id } ] } ]
"""


def habeas(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.slow
def test_suffix_chooses_the_form_of_a_drawing(tmp_path: Path) -> None:
    output = habeas("map", "graph", "--map", EXAMPLE, "--out", tmp_path / "map.svg")
    assert "11 collections, 2 waves" in output
    assert ET.parse(tmp_path / "map.svg").getroot().tag.endswith("svg")  # noqa: S314  ours
    habeas("map", "graph", "--map", EXAMPLE, "--out", tmp_path / "map.mmd")
    assert (tmp_path / "map.mmd").read_text() == habeas("map", "graph", "--map", EXAMPLE)


@pytest.mark.parametrize("name", ["map.pdf", "map", "missing/map.svg"])
def test_unwritable_drawing_is_reported(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="map"):
        habeas("map", "graph", "--map", EXAMPLE, "--out", tmp_path / name)


def test_imported_fides_file_loads_as_a_map(tmp_path: Path) -> None:
    (tmp_path / "fides.yml").write_text(FIDES)
    (tmp_path / "map").mkdir()
    habeas("map", "import", tmp_path / "fides.yml", "--out", tmp_path / "map" / "a.yml")
    assert [collection.key for collection in load(tmp_path / "map").collections] == ["a.b"]
    assert "#   fides.yml:3: `data_qualifier` is not honoured" in (tmp_path / "map" / "a.yml").read_text()


def test_existing_map_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "fides.yml").write_text(FIDES)
    with pytest.raises(ConfigurationError, match="is there already"):
        habeas("map", "import", tmp_path / "fides.yml", "--out", tmp_path / "fides.yml")
    assert (tmp_path / "fides.yml").read_text() == FIDES


def test_import_beside_a_source_that_is_a_map_names_another_folder(tmp_path: Path) -> None:
    (tmp_path / "fides.yml").write_text(FIDES.replace("    data_qualifier: x\n", ""))
    with pytest.raises(ConfigurationError, match=r"its folder holds fides\.yml, too; .* in another folder"):
        habeas("map", "import", tmp_path / "fides.yml", "--out", tmp_path / "map.yml")
    assert not (tmp_path / "map.yml").exists()


def test_invalid_fides_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        habeas("map", "import", tmp_path / "none.yml")
    (tmp_path / "image.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read as text"):
        habeas("map", "import", tmp_path / "image.yml")
    (tmp_path / "slip.yml").write_text(FIDES.replace("data_qualifier", "data_kwalifier"))
    with pytest.raises(InvalidDataMap, match=r"slip\.yml:3: unknown key"):
        habeas("map", "import", tmp_path / "slip.yml")


@pytest.mark.parametrize(
    ("severities", "documents", "line"),
    [
        pytest.param({}, MapCoverage(20), "the map fits the data: 20 documents searched", id="all"),
        pytest.param(
            {"open": 2, "remark": 1},
            MapCoverage(20, 5),
            "the map fits the data: 20 documents searched, 5 skipped without personal data in their sample"
            " (2 open, 1 remark)",
            id="skipped catalogue",
        ),
        pytest.param(
            {"open": 1},
            MapCoverage(20, 15, {"shop.payments": 10}),
            "nothing wrong, but 10 of 35 documents are skipped and may hold personal data: shop.payments"
            " (1 open)",
            id="skipped payments",
        ),
        pytest.param(
            {"remark": 1},
            MapCoverage(),
            "nothing was compared: no collection that a search reads has a document (1 remark)",
            id="empty",
        ),
        pytest.param({"wrong": 1, "remark": 2}, MapCoverage(20), "1 wrong, 2 remarks", id="wrong"),
    ],
)
def test_map_fits_only_if_documents_with_personal_data_are_searched(
    severities: dict[str, int], documents: MapCoverage, line: str
) -> None:
    assert verdict(severities, documents) == line
