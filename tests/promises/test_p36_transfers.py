"""P36: data is stored in several countries, and people learn where and under which safeguards."""

import io
import zipfile

from habeas.embedded.company import ADA
from tests.integration.pipeline import Pipeline, Somebody

ADA_ASKS = Somebody(ADA.email, ADA.name)


async def test_package_names_countries_and_safeguards(pipeline: Pipeline) -> None:
    case = await pipeline.answered("access", ADA_ASKS, details={"statement": "Transfers as well."})
    content = await pipeline.package(case, ADA_ASKS)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        page = archive.read("index.html").decode()
    assert "Where it is transferred" in page
    assert "standard contractual clauses" in page.casefold()
