"""What the page on connecting a system promises is so."""

import ast
import re

from services.intake.channels.csv import upload
from services.intake.channels.csv.columns import COLUMNS, RIGHTS
from tests.unit.pages import rows, text

PAGE = "docs/connecting.md"


def test_every_column_of_a_sheet_is_on_the_page_with_all_its_names() -> None:
    told = {
        re.findall(r"`([^`]+)`", row[0])[0]: tuple(re.findall(r"`([^`]+)`", row[1]))
        for row in rows(PAGE, "Sheets")
    }
    assert told == {column.name: column.aliases for column in COLUMNS}


def test_the_names_of_rights_that_are_shown_are_known() -> None:
    [shown] = [row[2] for row in rows(PAGE, "Sheets") if row[0] == "`right`"]
    for name in re.findall(r"`([^`]+)`", shown):
        assert name.replace(" ", "_") in RIGHTS


def test_the_limits_of_a_sheet_are_those_that_are_told() -> None:
    assert f"{upload.MOST_ROWS:,} rows" in text(PAGE).replace("\n", " ")
    assert f"{upload.MOST_BYTES >> 20} MiB here" in text(PAGE)


def test_the_code_that_is_shown_can_be_read() -> None:
    for page in (PAGE, "README.md"):
        for block in re.findall(r"```python\n(.*?)```", text(page), re.DOTALL):
            module = ast.parse(f"async def shown():\n{re.sub('^', '    ', block, flags=re.MULTILINE)}")
            names = {
                alias.name
                for node in ast.walk(module)
                if isinstance(node, ast.ImportFrom) and node.module == "habeas.client"
                for alias in node.names
            }
            client = __import__("habeas.client", fromlist=["client"])
            assert names <= set(client.__all__)
