"""Seals submissions and proofs before they are announced."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.contract.answer import SUBMISSION
from shared.contract.envelope import derived_id
from shared.contract.events import Document, Proof, ProofKind, ProofRef, RequestSubmitted
from shared.contract.ports import VaultPort


@dataclass(frozen=True, slots=True)
class SealedRequest:
    """A sealed request: the first one with its reference."""

    request: RequestSubmitted
    fresh: bool
    """Whether it was sealed just now."""
    same: bool
    """Whether the new submission is equal."""


async def seal_request(request: RequestSubmitted, vault: VaultPort, case_id: str) -> SealedRequest:
    """
    Seal *request* unless one is sealed already, and return the sealed one.

    Without its proofs: they are destroyed at the decision, the request is not.
    """
    await vault.create(case_id)
    bare = _without_proofs(request)
    if await vault.seal(case_id, SUBMISSION, bare.model_dump_json().encode()):
        return SealedRequest(bare, fresh=True, same=True)
    first = await sealed_request(vault, case_id)
    return SealedRequest(first, fresh=False, same=is_equal_request(first, bare))


async def sealed_request(vault: VaultPort, case_id: str) -> RequestSubmitted:
    """Return the sealed request."""
    return RequestSubmitted.model_validate_json(await vault.open(case_id, SUBMISSION))


def is_equal_request(first: RequestSubmitted, second: RequestSubmitted) -> bool:
    """Return whether two requests are equal in content; proofs are no part of a request."""
    return _without_proofs(first).model_dump() == _without_proofs(second).model_dump()


def _without_proofs(request: RequestSubmitted) -> RequestSubmitted:
    return request.model_copy(update={"proofs": ()})


async def seal_proofs(
    proofs: Sequence[Proof], vault: VaultPort, case_id: str, cause: str
) -> tuple[ProofRef, ...]:
    """Seal *proofs* under names derived from their *cause*; return the names."""
    if proofs:
        await vault.create(case_id)
    refs = tuple(_ref(proof, f"proof_{derived_id(cause, index)}") for index, proof in enumerate(proofs))
    for proof, ref in zip(proofs, refs, strict=True):
        if isinstance(proof, Document):
            await vault.seal_stream(case_id, ref.ref, single_piece(proof.content))
        else:
            await vault.seal(case_id, ref.ref, proof.model_dump_json().encode())
    return refs


def _ref(proof: Proof, name: str) -> ProofRef:
    if isinstance(proof, Document):
        return ProofRef(kind=ProofKind.DOCUMENT, ref=name, slot=proof.slot, media_type=proof.media_type)
    return ProofRef(kind=ProofKind(proof.kind), ref=name)


async def single_piece(body: bytes) -> AsyncIterator[bytes]:
    """Yield *body* as one piece."""
    yield body
