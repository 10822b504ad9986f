"""The page on connecting a system agrees with the code."""

import ast
import re

from services.intake.channels.csv import upload
from services.intake.channels.csv.sheets import COLUMNS, RIGHTS
from shared import client
from tests.unit.pages import rows, text

PAGE = "docs/how-to/connect.md"


def test_page_lists_every_column_with_all_names() -> None:
    listed = {
        re.findall(r"`([^`]+)`", row[0])[0]: tuple(re.findall(r"`([^`]+)`", row[1]))
        for row in rows(PAGE, "Sheets")
    }
    assert listed == {column.name: column.aliases for column in COLUMNS}


def test_shown_names_of_rights_are_known() -> None:
    [shown] = [row[2] for row in rows(PAGE, "Sheets") if row[0] == "`right`"]
    for name in re.findall(r"`([^`]+)`", shown):
        assert name.replace(" ", "_") in RIGHTS


def test_page_states_the_limits_of_a_sheet() -> None:
    assert f"{upload.MOST_ROWS:,} rows" in text(PAGE).replace("\n", " ")
    assert f"{upload.MOST_BYTES >> 20} MiB here" in text(PAGE)


def test_shown_code_imports_existing_names() -> None:
    for block in re.findall(r"```python\n(.*?)```", text(PAGE), re.DOTALL):
        module = ast.parse(f"async def shown():\n{re.sub('^', '    ', block, flags=re.MULTILINE)}")
        names = [
            alias.name
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom) and node.module == "habeas_client"
            for alias in node.names
        ]
        assert names
        assert set(names) <= set(client.__all__)
