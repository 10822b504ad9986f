"""
Application service for platforms, without HTTP.

A message is sealed first, as received; then the request is lodged. The verifier decides which sources are
trusted (``HABEAS_TRUSTED_SOURCES``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from services.intake.cases.service import RequestService
from services.intake.channels.webhooks import apple, meta, risc, shopify
from services.intake.channels.webhooks.notices import Malformed, PlatformRequest, UnreadableNotice, digest_of
from shared.errors import UnknownRequest
from shared.runtime.tokens import ExpectedToken

MESSAGE = "webhook"
"""Name of the bytes in the vault, as received."""


@dataclass(frozen=True, slots=True)
class WebhookService:
    """The company, for platforms."""

    door: RequestService
    shopify: tuple[bytes, ...] = ()
    """Client secrets of its apps."""
    meta: tuple[bytes, ...] = ()
    """Secrets of its apps."""
    apple: ExpectedToken | None = None
    risc: ExpectedToken | None = None
    """The issuer of security events."""
    root: str = ""
    """The public address of intake."""

    async def from_shopify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """
        Process one of Shopify's webhooks, once; return whether it made a request.

        Raises:
            Refused: It is not signed by Shopify, or its topic is not supported.
            Malformed: It cannot be parsed, and was set aside.
        """
        delivery = shopify.received(headers, body, self.shopify, self.door.clock().date())
        try:
            notice = shopify.request_in(delivery)
        except Malformed as error:
            raise await self._unread(delivery.puzzle(*error.flaws), body) from None
        await self._take(notice, body)
        return isinstance(notice, PlatformRequest)

    async def from_meta(self, form: bytes) -> dict[str, str]:
        """
        Process a deletion request of Meta's, once; return the address of its status page.

        Raises:
            Refused: It is not signed by Meta, or has expired.
            Malformed: It cannot be parsed, and was set aside.
        """
        content = meta.content_of(form, self.meta)
        try:
            notice = meta.request_in(content, self.door.clock())
        except Malformed as error:
            raise await self._unread(
                UnreadableNotice(meta.SOURCE, digest_of(content), error.flaws), form
            ) from None
        case_id = await self._take(notice, form)
        return {"url": f"{self.root}/requests/{case_id}", "confirmation_code": case_id}

    async def from_apple(self, body: bytes, expected: ExpectedToken) -> None:
        """
        Process a notification of Apple's, once.

        Raises:
            Refused: It is not signed by Apple, is for another company, or has expired.
            Malformed: It cannot be parsed, and was set aside.
            IssuerUnavailable: Apple's keys are unavailable now.
        """
        claims = await apple.verified_claims(body, expected)
        unread = UnreadableNotice(apple.SOURCE, apple.reference_of(claims), ())
        await self._take_all(lambda: apple.requests_in(claims), unread, body)

    async def from_risc(self, body: bytes, media_type: str, expected: ExpectedToken) -> None:
        """
        Process a security event, once.

        Raises:
            NotPushed: It is not signed by the issuer, or is for another company.
            Malformed: It cannot be parsed, and was set aside.
            IssuerUnavailable: The issuer's keys are unavailable now.
        """
        claims = await risc.verified_claims(body, media_type, expected)
        unread = UnreadableNotice(risc.SOURCE, risc.reference_of(claims), ())
        await self._take_all(lambda: risc.requests_in(claims), unread, body)

    async def _take_all(
        self,
        parse: Callable[[], Iterable[PlatformRequest | UnreadableNotice]],
        unread: UnreadableNotice,
        body: bytes,
    ) -> None:
        """Process all requests from *parse*, or none if a part cannot be parsed."""
        try:
            notices = tuple(parse())
        except Malformed as error:
            raise await self._unread(replace(unread, flaws=error.flaws), body) from None
        for notice in notices:
            await self._take(notice, body)

    async def _take(self, notice: PlatformRequest | UnreadableNotice, body: bytes) -> str:
        if isinstance(notice, UnreadableNotice):
            return await self.door.set_aside(
                notice.source, notice.reference, body, notice.flaws, id_=notice.id
            )
        case_id = self.door.id_of(notice.source, notice.request.reference)
        try:
            await self.door.keep(case_id, MESSAGE, body)
        except UnknownRequest:
            return case_id  # answered and erased since
        return await self.door.lodge(notice.request, notice.source)

    async def _unread(self, puzzle: UnreadableNotice, body: bytes) -> Malformed:
        """Set an unreadable message aside; return the error to raise."""
        await self._take(puzzle, body)
        return Malformed(*puzzle.flaws)
