"""P38: the Do Not Track signal is ignored; Global Privacy Control is honoured."""

import pytest

from tests.integration.pipeline import Pipeline

HONORED = "Opt-Out Request Honored"


@pytest.mark.parametrize(("headers", "honored"), [({"DNT": "1"}, False), ({"Sec-GPC": "1"}, True)])
async def test_only_global_privacy_control_counts_as_an_opt_out(
    pipeline: Pipeline, headers: dict[str, str], honored: bool
) -> None:
    page = (await pipeline.http.get("/", headers=headers)).raise_for_status().text
    assert (HONORED in page) is honored
