"""P37: data that does harm in the wrong hands is disclosed in full only for more proof than a mailbox."""

import io
import zipfile
from functools import partial
from typing import Any

from habeas.embedded.company import ADA
from tests.attacks.test_identity_claims import answers
from tests.integration.pipeline import Heard, Pipeline, Somebody, command
from tests.waiting import eventually

ADA_ASKS = Somebody(ADA.email, ADA.name)


async def iban_of(pipeline: Pipeline) -> bytes:
    customer: dict[str, Any] = await pipeline.business("billing", "customers").find_one({"name": ADA.name})
    return str(customer["bank"]["iban"]).encode()


async def shows(pipeline: Pipeline, case: str, value: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, ADA_ASKS))) as archive:
        return any(value in archive.read(name) for name in archive.namelist())


async def test_request_for_whole_values_is_not_answered_on_the_code_of_a_mailbox(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await pipeline.verified("access", ADA_ASKS, details={"full_values": True})

    def without_the_mailbox() -> bool:
        return ["two_points"] in heard.of(case, "identity.challenged")[-1]["data"]["wanted"]

    await heard.until(case, "identity.challenged")
    assert await eventually(without_the_mailbox)
    assert not heard.of(case, "request.fulfilled")
    await pipeline.until_it_is("challenged", case)


async def test_log_in_opens_whole_values_for_a_person_who_wants_them(pipeline: Pipeline) -> None:
    case = await pipeline.answered("access", ADA_ASKS, details={"full_values": True})
    assert await shows(pipeline, case, await iban_of(pipeline))


async def test_staff_releases_masked_values_in_the_same_case(pipeline: Pipeline, heard: Heard) -> None:
    iban = await iban_of(pipeline)
    case = await pipeline.answered("access", ADA_ASKS)
    assert not await shows(pipeline, case, iban)
    words = ("request", "release-values", case, "--reason", "called_back", "--as", "dana.muster")
    code, _, errors = await command(pipeline, *words)
    assert code == 0, errors
    await answers(pipeline, heard, case, 2)
    assert await shows(pipeline, case, iban)
    assert iban.decode() not in str(heard.of(case))


async def test_exact_location_is_not_disclosed_on_the_proof_of_a_mailbox_alone(
    pipeline: Pipeline, heard: Heard
) -> None:
    location = ("user.location.precise", "needs_more_proof")
    for mailbox_alone in (True, False):
        lodge = pipeline.verified if mailbox_alone else pipeline.answered
        case = await lodge("access", ADA_ASKS)
        await pipeline.closed(case)
        [event] = await eventually(partial(heard.of, case, "request.fulfilled"))
        found = {(one["category"], one["reason"]) for one in event["data"]["withheld"]}
        assert (location in found) is mailbox_alone
        letter = pipeline.letter(ADA_ASKS, case, "What is not in it, and why")
        assert ("with more proof, and you will get it" in letter) is mailbox_alone
