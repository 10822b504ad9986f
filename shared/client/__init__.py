"""
The client of Habeas, for shops, portals and support desks; installed as ``habeas_client``.

::

    from habeas_client import AsyncHttpClient

    async with AsyncHttpClient("https://privacy.example.com", key="…") as client:
        request_id = await client.submit(
            {"reference": "ticket-4711", "right": "access", "subject": {"email": "ada@example.org"}}
        )
        page = await client.follow(request_id)
        print(page.outcome)

:class:`AsyncAmqpClient` does the same by AMQP and reads the events of ``habeas.events``.
:class:`HttpClient` and :class:`AmqpClient` have the same methods for programs that are not asynchronous.

* *source* names your system. Intake accepts it from the broker users that it is bound to
  (``HABEAS_SOURCES``), or from the user of the same name; by HTTP the key decides it.
* With ``reference``, your own id of the request, it identifies the request: the same pair is the same
  request, so repeating after a crash does no harm.
* An invalid request raises pydantic's ``ValidationError`` before it is sent, without any value.
* The package reads no settings, and connects to nothing before ``with``.
"""

from shared.client.amqp import AsyncAmqpClient, NotRegisteredYet, ReceivedEvent, SubmissionRejected
from shared.client.fields import (
    AppealFields,
    ProofLiteral,
    ProofSubmissionFields,
    RequestFields,
    WithdrawalFields,
)
from shared.client.http import ApiError, ApiUnavailable, AsyncHttpClient
from shared.client.publisher import Publisher
from shared.client.submissions import message_of
from shared.client.synchronous import AmqpClient, HttpClient
from shared.contract import events
from shared.contract.correlation import Correlation, keyed_reference
from shared.contract.events.base import Fact
from shared.contract.events.requests import RequestClosed, RequestReceived, RequestRejected, RequestWithdrawn
from shared.contract.events.submissions import (
    Agent,
    AppealSubmitted,
    Controller,
    Correction,
    Details,
    PostalAddress,
    ProofSubmitted,
    RequestSubmitted,
    Residence,
    Subject,
    WithdrawalSubmitted,
)
from shared.contract.status import RequestStatus, StatusPage
from shared.errors import BrokerUnavailable, ConfigurationError, HabeasError, Unroutable
from shared.law.terms import Regulation, Right
from shared.vocabulary import Outcome

__all__ = [
    "Agent",
    "AmqpClient",
    "ApiError",
    "ApiUnavailable",
    "AppealFields",
    "AppealSubmitted",
    "AsyncAmqpClient",
    "AsyncHttpClient",
    "BrokerUnavailable",
    "ConfigurationError",
    "Controller",
    "Correction",
    "Correlation",
    "Details",
    "Fact",
    "HabeasError",
    "HttpClient",
    "NotRegisteredYet",
    "Outcome",
    "PostalAddress",
    "ProofLiteral",
    "ProofSubmissionFields",
    "ProofSubmitted",
    "Publisher",
    "ReceivedEvent",
    "Regulation",
    "RequestClosed",
    "RequestFields",
    "RequestReceived",
    "RequestRejected",
    "RequestStatus",
    "RequestSubmitted",
    "RequestWithdrawn",
    "Residence",
    "Right",
    "StatusPage",
    "Subject",
    "SubmissionRejected",
    "Unroutable",
    "WithdrawalFields",
    "WithdrawalSubmitted",
    "events",
    "keyed_reference",
    "message_of",
]
