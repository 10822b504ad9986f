"""
What platforms can do, without HTTP.

What came is sealed first, as it came, then the request is lodged as any other is. Whose
word counts is not decided here, but by the verifier: by the source (``HABEAS_TRUSTED_SOURCES``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from services.intake.cases.service import RequestService
from services.intake.channels.webhooks import apple, meta, risc, shopify
from services.intake.channels.webhooks.notices import Malformed, PlatformRequest, UnreadableNotice, digest_of
from services.intake.channels.webhooks.tokens import ExpectedToken
from shared.errors import UnknownRequest

MESSAGE = "webhook"
"""Name under which the bytes lie in the vault, as they came."""


@dataclass(frozen=True, slots=True)
class WebhookService:
    """The company, as platforms see it."""

    door: RequestService
    shopify: tuple[bytes, ...] = ()
    """Client secrets of its apps."""
    meta: tuple[bytes, ...] = ()
    """Secrets of its apps."""
    apple: ExpectedToken | None = None
    risc: ExpectedToken | None = None
    """Whose security events are taken."""
    root: str = ""
    """Where people reach intake."""

    async def from_shopify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """
        Take one of Shopify's webhooks in, once; return whether a request was made of it.

        Raises:
            Refused: Shopify has not signed it, or the topic is not served.
            Malformed: It does not read, and was set aside.
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
        Take a deletion request of Meta's in, once; return where the person sees how it stands.

        Raises:
            Refused: Meta has not signed it, or it is good no longer.
            Malformed: It does not read, and was set aside.
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
        Take a notification of Apple's in, once.

        Raises:
            Refused: Apple has not signed it, or not for us, or it is good no longer.
            Malformed: It does not read, and was set aside.
            IssuerUnavailable: Apple's keys cannot be had now.
        """
        claims = await apple.verified_claims(body, expected)
        unread = UnreadableNotice(apple.SOURCE, apple.reference_of(claims), ())
        await self._take_all(lambda: apple.requests_in(claims), unread, body)

    async def from_risc(self, body: bytes, media_type: str, expected: ExpectedToken) -> None:
        """
        Take a security event in, once.

        Raises:
            NotPushed: The issuer has not signed it, or not for us.
            Malformed: It does not read, and was set aside.
            IssuerUnavailable: The issuer's keys cannot be had now.
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
        """Take all in that is *told*, or nothing where a part of it does not read."""
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
            return case_id  # an old case, answered and erased since
        return await self.door.lodge(notice.request, notice.source)

    async def _unread(self, puzzle: UnreadableNotice, body: bytes) -> Malformed:
        """Set aside what does not read; return what to raise."""
        await self._take(puzzle, body)
        return Malformed(*puzzle.flaws)
