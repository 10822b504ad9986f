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
from shared.contract.codes import LIFETIME, MOST_ISSUED, CodeVerdict, uses_a_try
from shared.contract.envelope import derived_id
from shared.contract.events import AliasCodeIssued, AliasProven

CODE, MAILBOX = "alias_code_", "alias_mailbox_"
"""First parts of the names under which codes lie in the vault, and the mailboxes that they go to."""


@dataclass(frozen=True, slots=True)
class AliasCodes:
    """Proofs of other mailboxes for the requests of a service."""

    service: RequestService

    async def issue(self, case_id: str, number: int) -> datetime:
        """Mail a code to the mailbox that is alias *number* of the newest answer; return its expiry."""
        await self.service.count_operation(case_id)
        while True:
            case, place = await self.service.look_up(case_id)
            _must_be_provable(case, number)
            if case.offer is None or case.alias_codes >= MOST_ISSUED:
                raise NotPossibleNow("too many codes were issued for other addresses")
            # The process that mails codes cannot open the list of aliases.
            _, address = orjson.loads(await self.service.vault.open(case_id, case.offer.ref))[number - 1]
            mailbox = f"{MAILBOX}{case.alias_codes}_{number}"
            await self.service.vault.seal(case_id, mailbox, address.encode())
            ref, expires_at = f"{CODE}{case.alias_codes}", self.service.clock() + LIFETIME
            kept = AliasCodeKept(
                request_id=case_id,
                digest=await self.service.draw_code(case_id, ref, strong=True),
                expires_at=expires_at,
                aliases=case.offer.ref,
                number=number,
            )
            issued = AliasCodeIssued(request_id=case_id, ref=ref, mailbox=mailbox, expires_at=expires_at)
            if await self.service.append(case_id, place, kept, issued):
                return expires_at

    async def prove(self, case_id: str, code: str) -> None:
        """Record the mailbox that *code* was mailed to as proven; a wrong code is refused."""
        while True:
            case, place = await self.service.look_up(case_id)
            asked = case.alias_asked
            _must_be_provable(case, asked.number if asked else 0)
            ref = f"{CODE}{case.alias_codes - 1}"
            verdict = self.service.judge_code(case_id, ref, case.alias_code, code)
            if verdict is CodeVerdict.MATCHED and asked is not None:
                fact = AliasProven(request_id=case_id, aliases=asked.aliases, number=asked.number)
                if await self.service.append(case_id, place, fact):
                    return
            elif not uses_a_try(verdict):
                raise CodeRefused(verdict)
            elif await self.service.append(case_id, place, AliasCodeRefused(request_id=case_id)):
                await self.service.codes.failed(
                    derived_id(f"alias code {case_id}", place.n), self.service.clock()
                )
                raise CodeRefused(verdict)


def _must_be_provable(case: IntakeCase, number: int) -> None:
    if case.stopped is not None:
        raise NotPossibleNow(STOPPED, CaseError.STOPPED)
    if number not in case.provable_aliases:
        raise NotPossibleNow("no such address can be proven")
