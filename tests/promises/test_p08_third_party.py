"""P8: on request, a package is sent to another controller: signed, encrypted to its proven key, receipted."""

import base64
import io
import json
import zipfile
from typing import Any

from fastapi import Response

from habeas.embedded.company import ADA
from services.fulfillment.package.verification import verify_package
from tests.integration.controller_server import Receiver
from tests.integration.pipeline import Heard, Pipeline, Somebody
from tests.waiting import eventually

ADA_ASKS = Somebody(ADA.email, ADA.name)


def names(content: bytes) -> set[str]:
    assert verify_package(io.BytesIO(content)).ok
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return set(archive.namelist())


async def fulfilled(heard: Heard, case: str) -> dict[str, Any]:
    [event] = await eventually(lambda: heard.of(case, "request.fulfilled"))
    return dict(event["data"])


async def test_package_goes_to_another_controller_after_its_outage(
    pipeline: Pipeline, heard: Heard, receiver: Receiver
) -> None:
    receiver.answers = [Response(status_code=503), Response(status_code=503)]
    case = await pipeline.answered("portability", ADA_ASKS, details={"transfer_to": receiver.url})
    assert (await fulfilled(heard, case))["reasons"]["transferred"] == 1
    bodies = [body for _, body, _ in receiver.received]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert len(receiver.challenges) == 1
    assert ADA.email.encode() not in bodies[0]
    sent = json.loads(receiver.key.opened(bodies[0]))
    assert sent["subject"]["email"] == ADA.email
    content = base64.b64decode(sent["package"]["content"])
    files = names(content)
    assert "data/default.contacts.json" in files
    assert "data/default.invoices.json" not in files
    assert content == await pipeline.package(case, ADA_ASKS)
    assert pipeline.letter(ADA_ASKS, case, "to localhost, and they confirmed")
    assert pipeline.letter(ADA_ASKS, case, "neither on your consent nor for a contract")


async def test_receiver_without_a_key_gets_nothing_and_the_package_is_offered_for_download(
    pipeline: Pipeline, heard: Heard, receiver: Receiver
) -> None:
    unknown = receiver.url.replace("localhost", "127.0.0.1")
    before = len(receiver.received)
    case = await pipeline.answered("portability", ADA_ASKS, details={"transfer_to": unknown})
    assert len(receiver.received) == before
    assert (await fulfilled(heard, case))["reasons"]["transfer_no_key"] == 1
    assert pipeline.letter(ADA_ASKS, case, "We send data only in encrypted form")
    assert pipeline.letter(ADA_ASKS, case, "Download it and pass it on yourself")
    assert "data/default.contacts.json" in names(await pipeline.package(case, ADA_ASKS))
