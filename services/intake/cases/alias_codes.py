"""
Codes that prove another mailbox in the records, once the request is answered.

The page does not show the address. The requester asks for a code, the owner of the mailbox gets it, and the
requester enters it on the page. The journal records codes and failed tries.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson

from services.intake.cases.errors import CaseError, CodeRefused, NotPossibleNow
from services.intake.cases.service import STOPPED, RequestService
from services.intake.domain import AliasCodeKept, AliasCodeRefused, IntakeCase
from shared.contract.codes import LIFETIME, MOST_ISSUED, CodeVerdict, digest_of, draw_code, judge, uses_a_try
from shared.contract.envelope import derived_id
from shared.contract.events import AliasCodeIssued, AliasProven

CODE, MAILBOX = "alias_code_", "alias_mailbox_"
"""First parts of the names under which codes lie in the vault, and the mailboxes that they go to."""


@dataclass(frozen=True, slots=True)
class AliasCodes:
    """Proofs of other mailboxes for the requests of a service."""

    service: RequestService

    async def issue(self, case_id: str, number: int) -> datetime:
        """
        Mail a code to the mailbox that is alias *number* of the newest answer; return its expiry.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: No such mailbox can be proven, or too many codes were issued.
            TooManyAttempts: The request has reached its hourly limit.
        """
        await self.service.act(case_id)
        while True:
            case, n = await self.service.look_up(case_id)
            _must_be_provable(case, number)
            if case.offer is None or case.alias_codes >= MOST_ISSUED:
                raise NotPossibleNow("too many codes were issued for other addresses")
            await self._seal_mailbox(case_id, case, number)
            expires_at = self.service.clock() + LIFETIME
            kept = AliasCodeKept(
                request_id=case_id,
                digest=await self._new_code(case_id, case.alias_codes),
                expires_at=expires_at,
                aliases=case.offer.ref,
                number=number,
            )
            issued = AliasCodeIssued(
                request_id=case_id,
                ref=f"{CODE}{case.alias_codes}",
                mailbox=f"{MAILBOX}{case.alias_codes}_{number}",
                expires_at=expires_at,
            )
            if await self.service.append(case_id, n, kept, issued):
                return expires_at

    async def prove(self, case_id: str, code: str) -> None:
        """
        Record the mailbox that *code* was mailed to as proven; the code is spent.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: The request is stopped, or no mailbox can be proven any more.
            CodeRefused: The code is wrong, spent or expired.
        """
        while True:
            case, n = await self.service.look_up(case_id)
            asked = case.alias_asked
            _must_be_provable(case, asked.number if asked else 0)
            verdict = self._verdict(case_id, case, code)
            if verdict is CodeVerdict.MATCHED and asked is not None:
                fact = AliasProven(request_id=case_id, aliases=asked.aliases, number=asked.number)
                if await self.service.append(case_id, n, fact):
                    return
            elif not uses_a_try(verdict):
                raise CodeRefused(verdict)
            elif await self.service.append(case_id, n, AliasCodeRefused(request_id=case_id)):
                await self.service.codes.failed(derived_id(f"alias code {case_id}", n), self.service.clock())
                raise CodeRefused(verdict)

    async def _seal_mailbox(self, case_id: str, case: IntakeCase, number: int) -> None:
        """Seal the mailbox for the process that mails codes, which cannot open the list of aliases."""
        ref = case.offer.ref if case.offer else ""
        _, address = orjson.loads(await self.service.vault.open(case_id, ref))[number - 1]
        await self.service.vault.seal(case_id, f"{MAILBOX}{case.alias_codes}_{number}", address.encode())

    async def _new_code(self, case_id: str, issued: int) -> str:
        """Draw a code and return its digest; if two are drawn at once, the stored one counts."""
        ref = f"{CODE}{issued}"
        await self.service.vault.seal(case_id, ref, draw_code(strong=True).encode())
        code = (await self.service.vault.open(case_id, ref)).decode()
        return digest_of(code, key=self.service.keys.codes, ref=f"{case_id}/{ref}")

    def _verdict(self, case_id: str, case: IntakeCase, code: str) -> CodeVerdict:
        ref = f"{case_id}/{CODE}{case.alias_codes - 1}"
        digest = digest_of(code, key=self.service.keys.codes, ref=ref)
        return judge(case.alias_code, digest, now=self.service.clock())


def _must_be_provable(case: IntakeCase, number: int) -> None:
    if case.stopped is not None:
        raise NotPossibleNow(STOPPED, CaseError.STOPPED)
    if number not in case.provable_aliases:
        raise NotPossibleNow("no such address can be proven")
