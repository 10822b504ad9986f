"""Seals submissions and proofs before they are announced."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.contract.answer import SUBMISSION
from shared.contract.envelope import derived_id
from shared.contract.events import Document, Proof, ProofKind, ProofRef, RequestSubmitted, Residence, Subject
from shared.contract.ports import VaultPort
from shared.law import Right

LIKE_SUBMISSIONS = (
    RequestSubmitted(reference="-", right=Right.ACCESS, subject=Subject(), residence=Residence(country="DE"))
    .model_dump_json()
    .encode()
)
"""A submission without values, which all resemble."""


@dataclass(frozen=True, slots=True)
class SealedRequest:
    """A sealed request: the first one with its reference."""

    request: RequestSubmitted
    fresh: bool
    same: bool
    """Whether the new submission is equal."""


async def seal_request(request: RequestSubmitted, vault: VaultPort, case_id: str) -> SealedRequest:
    """Seal *request* without its short-lived proofs unless one is sealed already; return the sealed one."""
    await vault.create(case_id)
    bare = _without_proofs(request)
    if await vault.seal(case_id, SUBMISSION, bare.model_dump_json().encode(), like=LIKE_SUBMISSIONS):
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
    refs: list[ProofRef] = []
    for index, proof in enumerate(proofs):
        name = f"proof_{derived_id(cause, index)}"
        if isinstance(proof, Document):
            slot, media_type = proof.slot, proof.media_type
            refs.append(ProofRef(kind=ProofKind.DOCUMENT, ref=name, slot=slot, media_type=media_type))
            await vault.seal_stream(case_id, name, single_piece(proof.content))
        else:
            refs.append(ProofRef(kind=ProofKind(proof.kind), ref=name))
            await vault.seal(case_id, name, proof.model_dump_json().encode())
    return tuple(refs)


def appeal_item(cause: str) -> str:
    """Return the name in the vault of the statement of the appeal with this *cause*."""
    return f"appeal_{derived_id(cause, 0)}"


async def single_piece(body: bytes) -> AsyncIterator[bytes]:
    """Yield *body* as one piece."""
    yield body
