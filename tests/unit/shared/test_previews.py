"""The place of a preview in the vault of a case: what is written there, and what it leaves alone."""

from collections.abc import AsyncIterator, Sequence

from shared.contract.events import Fact, NoticeFailed, RequestWithdrawn
from shared.contract.previews import DECISION, RESULT, DecisionPreview, PreviewVault, packed_facts
from shared.errors import RefusedDecision
from tests.runtime_fakes import MemoryVault

CASE = "a" * 32
PREVIEW = "preview_0123456789abcdef"


async def place() -> tuple[MemoryVault, PreviewVault]:
    vault = MemoryVault()
    await vault.create(CASE)
    await vault.seal(CASE, "submission", b"real")
    return vault, PreviewVault(vault, PREVIEW)


async def test_preview_writes_beside_the_case_and_removes_nothing_of_it() -> None:
    vault, preview = await place()
    assert await preview.open(CASE, "submission") == b"real"
    await preview.seal(CASE, "submission", b"tried")
    await preview.discard(CASE, ["submission"])
    await preview.discard_all(CASE, ["sub"])
    await preview.destroy(CASE)
    assert await preview.open(CASE, "submission") == b"tried"
    assert vault.items[CASE] == {"submission": b"real", f"{PREVIEW}_submission": b"tried"}


async def test_stream_of_the_preview_is_read_before_that_of_the_case() -> None:
    vault, preview = await place()

    async def pieces(content: bytes) -> AsyncIterator[bytes]:
        yield content

    await vault.seal_stream(CASE, "package", pieces(b"real"))
    assert [one async for one in preview.open_stream(CASE, "package")] == [b"real"]
    await preview.seal_stream(CASE, "package", pieces(b"tried"))
    assert [one async for one in preview.open_stream(CASE, "package")] == [b"tried"]
    assert [one async for one in vault.open_stream(CASE, "package")] == [b"real"]


async def test_refusal_of_a_handler_is_the_result_of_the_preview() -> None:
    vault, preview = await place()

    async def refuse() -> Sequence[Fact]:
        raise RefusedDecision("not_possible")

    assert not await preview.draft(CASE, refuse())
    kept = DecisionPreview.model_validate_json(await vault.open(CASE, preview.own(RESULT)))
    assert kept == DecisionPreview(refused="not_possible")


async def test_drafted_facts_are_read_until_the_preview_is_removed() -> None:
    vault, preview = await place()
    withdrawn = RequestWithdrawn(request_id=CASE)

    async def decide() -> Sequence[Fact]:
        return [withdrawn]

    assert await preview.draft(CASE, decide())
    assert await preview.facts(CASE) == [withdrawn]
    await vault.discard_all(CASE, [PREVIEW])
    assert await preview.facts(CASE) is None


async def test_only_a_decision_is_drafted() -> None:
    vault, preview = await place()
    failed = NoticeFailed(request_id=CASE, letter="outcome", reason="bounced")
    await vault.seal(CASE, preview.own(DECISION), packed_facts([failed]))
    assert await preview.decision(CASE) is None
