"""Bodies of calls, and the parameters of lists."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, SecretStr

from services.console import labels
from services.console.case_work import MOST_NOTE
from services.console.decisions.bulk import MOST_CASES
from services.console.decisions.case_decisions import step_up_of
from services.console.decisions.forms import MOST_TEXT
from services.console.decisions.submission import StepUp
from services.console.http.queries import EARLIEST, INBOX_VIEWS, LATEST
from services.console.read_model.cases import CaseOrder, DueFilter
from services.console.registers import RegisterFileFormat
from services.console.saved_views import LONGEST_NAME
from services.console.state import CaseKind, WaitKind
from services.console.system.repairs import MOST_REASON
from shared.contract.events import MOST_BATCHED, Code, RequestId
from shared.contract.package_review import MOST_REDACTIONS, Redaction

VIEWS = "|".join(INBOX_VIEWS)
WORK = "|".join(WaitKind)
MOST_TEXT_BYTES = 100_000
DAY = r"^(\d{4}-\d{2}-\d{2})?$"


class CallForm(BaseModel):
    """A body or the parameters of a call: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class SignInForm(CallForm):
    """What an account enters to sign in."""

    account: str = Field(max_length=80)
    password: SecretStr = Field(max_length=1000)
    code: SecretStr = Field(max_length=40)
    """One-time code of the authenticator, or a recovery code."""


class StepUpForm(CallForm):
    """A one-time code, and the password where the session lacks the account's key."""

    code: SecretStr = Field(default=SecretStr(""), max_length=40)
    password: SecretStr = Field(default=SecretStr(""), max_length=1000)

    def step_up(self) -> StepUp:
        """Return code and password; raises InvalidEntry if the code is none."""
        return step_up_of(self.code.get_secret_value(), self.password.get_secret_value())


class CaseDecisionForm(StepUpForm):
    """A decision on a case."""

    fields: Mapping[str, str | Sequence[str]] = Field(default={}, max_length=40)
    """Field of the offer → what is entered."""
    preview: bool = False
    """Whether only the letters are drawn that would follow; that needs no code, but an opened case."""

    def texts(self) -> dict[str, list[str]]:
        """Return the texts of each field."""
        return {name: [one] if isinstance(one, str) else list(one) for name, one in self.fields.items()}


class SignedDecision(CallForm):
    """A decision, as its event has it."""

    type: str = Field(max_length=200)
    """The type of its event."""
    data: Mapping[str, Any]
    """The data of its event, without account and proof."""
    text: Annotated[Base64Bytes, Field(max_length=MOST_TEXT_BYTES)] | None = None
    """A text after its salt, which the data names by its digest; it is sealed before the decision counts."""


class DecisionsForm(StepUpForm):
    """Decisions that one code signs."""

    decisions: Sequence[SignedDecision] = Field(min_length=1, max_length=MOST_BATCHED)


class OpeningForm(StepUpForm):
    """The opening of a case."""

    reason: str = Field(max_length=80)
    """`review`, `forwarding` or `complaint`."""


class CaseOwnerForm(CallForm):
    """The owner of a case."""

    owner: str | None = Field(max_length=80)
    """An account; null for none."""


class CaseNoteForm(CallForm):
    """A note on a case."""

    text: str = Field(min_length=1, max_length=MOST_NOTE)


class CaseSearchForm(CallForm):
    """A search by mailbox, or by the reference of a system: one of them."""

    mailbox: str | None = Field(default=None, max_length=MOST_TEXT)
    reference: str | None = Field(default=None, max_length=200)
    source: str | None = Field(default=None, max_length=200)
    """The system; without it, those of all systems."""

    def wanted(self) -> dict[str, str]:
        """Return the fields that are entered."""
        return {name: value.strip() for name, value in self.model_dump(exclude_none=True).items()}


class BulkForm(CallForm):
    """Chosen cases."""

    cases: Sequence[RequestId] = Field(min_length=1, max_length=MOST_CASES)


class BulkOwnerForm(BulkForm, CaseOwnerForm):
    """The owner of each of the chosen cases."""


class BulkDecisionForm(BulkForm, CaseDecisionForm):
    """A decision on each of the chosen cases, with one code."""


class PackageReviewForm(StepUpForm):
    """A review of a package: what is withheld, or the agreement with another account's review."""

    listing: Code
    """`listing` of the records that were read."""
    redactions: Sequence[Redaction] = Field(default=(), max_length=MOST_REDACTIONS)
    """None: the package is sent as it is listed."""
    agreed: Code | None = None
    """`item` of the review of another account, to give the same one."""


class BreachDecisionForm(StepUpForm):
    """A decision on an incident."""

    fields: Mapping[str, Annotated[str, Field(max_length=MOST_TEXT)]] = Field(default={}, max_length=40)
    """Field of the form in the breach room → what is entered; moments are local to the company."""


class RepairForm(StepUpForm):
    """An action on a parked message."""

    service: str = Field(max_length=80)
    digest: str = Field(max_length=80)
    reason: str = Field(max_length=MOST_REASON)


class ViewForm(CallForm):
    """A name for filters of the list."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    filters: "CaseQuery"
    """All but `text` and `after` are kept."""
    default: bool = False
    """Whether the list on the pages opens with it."""


class PageQuery(CallForm):
    """The place in a list."""

    after: str = Field(default="", max_length=500)
    """`next` of the page before."""


class InboxQuery(PageQuery):
    """Parameters of the inbox."""

    view: str = Field(default="", pattern=f"^({VIEWS})?$")
    """`me`: what the account can do; `own`: its cases; `all`."""
    work: str = Field(default="", pattern=f"^({WORK})?$")
    """A kind of work."""


class CaseQuery(PageQuery):
    """Filters of the list, as in the addresses of the page."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    text: str = Field(default="", max_length=200)
    """An id, its beginning, a short reference, or the reference of the publisher."""
    kind: str = Field(default="", pattern=f"^({'|'.join(CaseKind)})?$")
    """The subject of the cases; requests by default."""
    stage: str = Field(default="", max_length=80)
    outcome: str = Field(default="", pattern=f"^({'|'.join(labels.OUTCOMES)})?$")
    """The result of the decision."""
    right: str = Field(default="", max_length=80)
    law: str = Field(default="", max_length=80)
    country: str = Field(default="", max_length=80)
    source: str = Field(default="", max_length=200)
    incident: str = Field(default="", max_length=80)
    owner: str = Field(default="", max_length=80)
    """An account; `-` for cases without an owner."""
    waiting: str = Field(default="", pattern=f"^(any|{WORK})?$")
    """A kind of work, or `any`."""
    open: str = Field(default="", pattern="^(yes|no)?$")
    """Whether the duty to answer is open."""
    due: str = Field(default="", pattern=f"^({'|'.join(DueFilter)})?$")
    meant_by: str = Field(default="", pattern=DAY)
    """Requests whose target day is this one or before."""
    received_from: str = Field(default="", alias="from", pattern=DAY)
    received_to: str = Field(default="", alias="to", pattern=DAY)
    order: CaseOrder = CaseOrder.DUE


class OpeningQuery(PageQuery):
    """Filters of openings."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    account: str = Field(default="", max_length=80)
    case: str = Field(default="", max_length=40)
    """An id or a short reference."""
    first: str = Field(default="", alias="from", pattern=DAY)
    last: str = Field(default="", alias="to", pattern=DAY)


class HoldQuery(PageQuery):
    """Filters of legal holds."""

    state: Literal["", "standing"] = ""
    collection: str = Field(default="", max_length=200)


class NoticeQuery(PageQuery):
    """Filters of notices to recipients."""

    failed: bool = False


class PackageQuery(CallForm):
    """The place in the records of a package."""

    start: int = Field(default=0, ge=0, le=1 << 50)
    """`next` of the records before."""


class LawFigureQuery(CallForm):
    """Parameters of figures by law."""

    year: int | None = Field(default=None, ge=EARLIEST, le=LATEST)
    """The current one by default."""


class RegisterQuery(LawFigureQuery):
    """Parameters of the register."""

    law: str = Field(default="", max_length=40)
    """Entries of people whom this law protects, by its name without an edition."""
    format: RegisterFileFormat = RegisterFileFormat.CSV


class FigureQuery(CallForm):
    """Parameters of figures."""

    year: str = Field(default="", pattern=r"^(\d{4})?$")
    period: str = Field(default="", max_length=20)
    """`month`, `quarter` or `year`."""
    by: str = Field(default="", max_length=20)
    """`right`, `law`, `source` or `ground`."""
