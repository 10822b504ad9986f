"""The parts that requests to the console use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.console.http.streams import OpenStreams
from services.console.read_model.cases import CaseList
from services.console.read_model.chains import ChainVerifications
from services.console.read_model.figures import FigureReader
from services.console.read_model.histories import CaseHistories
from services.console.read_model.holds import HoldList
from services.console.read_model.openings import OpeningLog
from services.console.read_model.recipients import NoticeList
from services.console.read_model.register import RegisterReader
from services.console.read_model.stalled_cases import StalledCases
from services.console.saved_views import SavedViews
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import AccountReader
from services.console.signin.keys import KeyDerivation
from services.console.signin.provider import AttemptStore, SignInProvider
from services.console.signin.sessions import SessionStore
from services.console.system.parked_messages import ParkedMessages
from services.console.system.reports import ReportReader
from shared.runtime.client_limits import Allowance, BytesInFlight
from shared.runtime.staff_api import StaffApi

PASSWORDS_PER_HOUR = 10
SIGN_INS_PER_HOUR = 60
MOST_UPLOADED, MOST_OF_ACCOUNT = 32 << 20, 16 << 20
WRONG_CODES = 3
"""Of a session, until it needs the password again: its cookie may be stolen."""


def present() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """The read model, the sessions and the client of intake."""

    settings: ConsoleSettings
    cases: CaseList
    histories: CaseHistories
    sessions: SessionStore
    views: SavedViews
    openings: OpeningLog
    holds: HoldList
    notices: NoticeList
    chains: ChainVerifications
    accounts: AccountReader
    intake: StaffApi
    figures: FigureReader
    register: RegisterReader
    parked: ParkedMessages
    stalled: StalledCases
    reports: ReportReader
    attempts: AttemptStore
    provider: SignInProvider | None = None
    passwords: Allowance = field(default_factory=lambda: Allowance(PASSWORDS_PER_HOUR))
    """Passwords that an account may enter in sessions that a provider has begun."""
    wrong_codes: Allowance = field(default_factory=lambda: Allowance(WRONG_CODES - 1))
    """Wrong codes of a session that keeps the key of its account."""
    keys: KeyDerivation = field(default_factory=KeyDerivation)
    streams: OpenStreams = field(default_factory=OpenStreams)
    uploads: BytesInFlight = field(default_factory=lambda: BytesInFlight(MOST_UPLOADED, MOST_OF_ACCOUNT))
    """Bodies with a file that are being read and passed on, by account."""
    sign_ins: Allowance = field(default_factory=lambda: Allowance(SIGN_INS_PER_HOUR))
    """Sign-ins of one network, at the pages and over the API."""
    clock: Callable[[], datetime] = field(default=present)

    def today(self) -> date:
        """Return the day in the company's zone: last days count there."""
        return self.clock().astimezone(self.settings.company.zone).date()
