"""Answers of intake that the console passes on piece by piece: packages, lists of people."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class PassedOn(StreamingResponse):
    """A stream of intake, passed on: it may be larger than the memory."""

    def __init__(self, answer: Any, headers: Mapping[str, str], media_type: str) -> None:
        """Pass the content of *answer* on."""
        super().__init__(answer.aiter_bytes(), headers=headers, media_type=media_type)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and end the call to intake however it ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()
