"""Reviews of packages over the API, and work on many cases at once."""

import secrets
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from services.console.api.access import may
from services.console.api.answers import (
    BulkAnswer,
    BulkOfferAnswer,
    BulkOffersAnswer,
    BulkResultAnswer,
    ChoiceAnswer,
    DecisionAnswer,
    PackageAnswer,
    RecordAnswer,
)
from services.console.api.case_routes import NOT_OPENED
from services.console.api.forms import (
    BulkDecisionForm,
    BulkForm,
    BulkOwnerForm,
    PackageQuery,
    PackageReviewForm,
)
from services.console.context import ConsoleParts
from services.console.decisions.bulk import (
    BulkResult,
    bulk_offers,
    chosen_cases,
    decided_together,
    joint_decision,
    left_out,
    owned_by,
    previewed_together,
)
from services.console.decisions.case_decisions import UNANSWERED, case_view
from services.console.decisions.forms import CaseView, DecisionDraft
from services.console.decisions.openings import NO_REVIEW, opened_content, records_to_review
from services.console.decisions.package_review import (
    grounds,
    line_of,
    read_redactions,
    review_draft,
    reviewed,
    values_of,
)
from services.console.decisions.submission import MadeDecision, make_decision
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from shared.contract.events import RequestId
from shared.contract.staff import TEXT_SALT_BYTES


def api_bulk_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of work on many cases."""
    router = APIRouter(tags=["bulk"])
    working = Annotated[Visitor, Depends(may(guard, ConsoleAction.WORK))]
    deciding = Annotated[Visitor, Depends(may(guard, ConsoleAction.DECIDE))]

    @router.post("/bulk")
    async def list_bulk_decisions(visitor: working, form: BulkForm) -> BulkOffersAnswer:
        """Return the decisions that the account may make on the chosen cases."""
        offers = await bulk_offers(parts, visitor, await chosen_cases(parts, form.cases))
        return BulkOffersAnswer(decisions=[BulkOfferAnswer.of(one) for one in offers])

    @router.post("/bulk/owner")
    async def set_owners(visitor: working, form: BulkOwnerForm) -> BulkAnswer:
        """Set the owner of each chosen case."""
        rows = await chosen_cases(parts, form.cases)
        return _bulk_answer(await owned_by(parts, visitor, rows, form.owner))

    @router.post("/bulk/decisions/{name}")
    async def decide_together(visitor: deciding, name: str, form: BulkDecisionForm) -> BulkAnswer:
        """Make a decision on each chosen case that waits for it, with one code; or preview a letter."""
        rows = await chosen_cases(parts, form.cases)
        joint = await joint_decision(parts, visitor, name, rows, form.texts())
        if not joint.views:
            return _bulk_answer(left_out(joint))
        if form.preview:
            return BulkAnswer(preview=await previewed_together(parts, visitor, joint))
        made = await decided_together(parts, visitor, joint, form.code.get_secret_value())
        return _bulk_answer(made)

    return router


def api_package_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of reviews of packages."""
    router = APIRouter(tags=["packages"])
    deciding = Annotated[Visitor, Depends(may(guard, ConsoleAction.DECIDE))]

    @router.get("/cases/{case}/package")
    async def show_package(
        visitor: deciding, case: RequestId, query: Annotated[PackageQuery, Query()]
    ) -> PackageAnswer:
        """Return records of the package that waits for a review, of an opened case."""
        view, _history = await case_view(parts, case)
        known = await opened_content(parts, visitor, case)
        if known is None:
            raise HTTPException(403, NOT_OPENED)
        if known["review"] is None:
            raise HTTPException(409, NO_REVIEW)
        piece, review = await records_to_review(parts, visitor, case, query.start), known["review"]
        return PackageAnswer(
            listing=review["listing"],
            records_in_all=review["records"],
            renewed=review["renewed"],
            until=known["until"],
            reviews=review["reviews"],
            grounds=[ChoiceAnswer(value=value, name=name) for value, name in grounds(view)],
            records=[
                RecordAnswer.model_validate({**one, "values": values_of(one["fields"], one["notices"])})
                for one in piece["records"]
            ],
            next=piece["next"],
        )

    @router.post("/cases/{case}/package")
    async def review_package(visitor: deciding, case: RequestId, form: PackageReviewForm) -> DecisionAnswer:
        """Release the package without what is withheld; or give the same review as another account."""
        view, _history = await case_view(parts, case)
        draft = _review(view, visitor.member.name, form)
        return answer_of(await make_decision(parts, visitor, draft, form.step_up()))

    return router


def answer_of(made: MadeDecision, done: str = "") -> DecisionAnswer:
    """Return the answer about a decision: what is *done*, or that no service has answered it yet."""
    message = done if made.answered else UNANSWERED
    return DecisionAnswer(decision=made.id, message=message, pending=not made.answered)


def _review(view: CaseView, account: str, form: PackageReviewForm) -> DecisionDraft:
    """Return the decision that *form* makes; raises InvalidEntry if it does not fit the law of the answer."""
    if form.agreed is not None:
        return DecisionDraft(reviewed(view, account, form.listing, form.agreed))
    redactions = read_redactions(map(line_of, form.redactions), (), "", view)
    return review_draft(view, account, form.listing, redactions, secrets.token_bytes(TEXT_SALT_BYTES))


def _bulk_answer(results: Sequence[BulkResult]) -> BulkAnswer:
    known = [BulkResultAnswer(case=one.row.id, state=one.state, reason=one.reason) for one in results]
    return BulkAnswer(results=known)
