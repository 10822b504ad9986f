"""Seals what people send, before anything is told of it."""

from collections.abc import AsyncIterator, Sequence

from services.intake.context import Vault
from shared.answer import SUBMISSION
from shared.envelope import derived_id
from shared.events import (
    Document,
    Proof,
    ProofKind,
    ProofRef,
    RequestSubmitted,
)


async def seal_request(request: RequestSubmitted, vault: Vault, case_id: str) -> RequestSubmitted:
    """
    Seal *request*, and return what is sealed: the first of two with one reference is the one that counts.

    Without its proofs: they are destroyed at the decision, the request is not.
    """
    await vault.create(case_id)
    bare = request.model_copy(update={"proofs": ()})
    if await vault.seal(case_id, SUBMISSION, bare.model_dump_json().encode()):
        return bare
    return RequestSubmitted.model_validate_json(await vault.open(case_id, SUBMISSION))


async def seal_proofs(
    proofs: Sequence[Proof], vault: Vault, case_id: str, cause: str
) -> tuple[ProofRef, ...]:
    """Seal *proofs* under names derived from the *cause* that brought them; return the names."""
    if proofs:
        await vault.create(case_id)
    refs = tuple(_ref(proof, f"proof_{derived_id(cause, index)}") for index, proof in enumerate(proofs))
    for proof, ref in zip(proofs, refs, strict=True):
        if isinstance(proof, Document):
            await vault.seal_stream(case_id, ref.ref, whole(proof.content))
        else:
            await vault.seal(case_id, ref.ref, proof.model_dump_json().encode())
    return refs


def _ref(proof: Proof, name: str) -> ProofRef:
    if isinstance(proof, Document):
        return ProofRef(kind=ProofKind.DOCUMENT, ref=name, slot=proof.slot, media_type=proof.media_type)
    return ProofRef(kind=ProofKind(proof.kind), ref=name)


async def whole(body: bytes) -> AsyncIterator[bytes]:
    """Yield *body* as one piece."""
    yield body
