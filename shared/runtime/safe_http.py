"""
HTTP client for addresses given by strangers: HTTPS alone, to a public address, never redirected.

Such an address may lead to no machine of ours. So the addresses of a name are looked up once, each of them is
judged, and the connection goes to the very address that was judged.
"""

import asyncio
import base64
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx

from shared.errors import TransientError
from shared.runtime.hosts import is_local
from shared.runtime.tls import cause_of, client_context

HTTPS_PORT: Final = 443
HOST = re.compile(rb"[A-Za-z0-9._:-]+")
MOST_RECEIPT_BYTES = 64 * 1024
TIMEOUT = httpx.Timeout(30, connect=10)
NOT_PACKED = {"Accept-Encoding": "identity"}
NOT_NOW = frozenset({408, 409, 421, 425, 429})
"""Answers after which the same may be taken later, as after those of a server in trouble."""
RELAYS = ipaddress.ip_network("192.88.99.0/24")
"""Once led from version 4 to version 6 (RFC 7526)."""
UNICAST = ipaddress.ip_network("2000::/3")
"""All of version 6 that is given out to anybody (RFC 4291); most that stands for version 4 lies elsewhere."""
DOCUMENTATION = ipaddress.ip_network("3fff::/20")
"""Leads nowhere (RFC 9637)."""


class NotAllowed(Exception):
    """The address is none that anything may be sent to; the message never holds it."""


class ReceiverRefused(Exception):
    """The receiver will not take it."""


class ReceiverUnavailable(TransientError):
    """The receiver cannot be reached now."""


class ReceiverUnreached(ReceiverUnavailable):
    """There was no connection to the receiver: nothing has arrived there."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver's answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def to_json(self) -> bytes:
        """Return it as it is kept."""
        body = base64.b64encode(self.body).decode()
        return json.dumps({"status": self.status, "headers": self.headers, "body": body}).encode()


@dataclass(frozen=True, slots=True)
class SafeHttp:
    """The way out."""

    allowed: frozenset[str] = frozenset()
    """Hosts that may lie inside."""
    trust: ssl.SSLContext | None = None
    """Authorities that are trusted for the receiver's certificate; the usual ones when None."""
    local: bool = False
    """Whether this machine may be reached over plain HTTP, for trials."""
    plain: frozenset[str] = frozenset()
    """Hosts that may be reached over plain HTTP: those of the operator inside."""

    async def post(
        self, url: httpx.URL, headers: Mapping[str, str], body: Callable[[], AsyncIterator[bytes]]
    ) -> Receipt:
        """
        Post *body* to *url*, if its address is public, and return the answer.

        Raises:
            NotAllowed: Nothing may be sent there.
            ReceiverRefused: The receiver will not take it.
            ReceiverUnavailable: The receiver did not answer, or not for good.
        """
        try:
            return await self._post(url, await self._addresses(url), headers, body)
        except (httpx.HTTPError, OSError) as error:
            unreached = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | socket.gaierror)
            kind = ReceiverUnreached if unreached else ReceiverUnavailable
            raise kind(f"the receiver did not answer: {cause_of(error)}") from None

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """Return the addresses that the host of *url* has, if it leads where it may."""
        addresses = await addresses_of(url)
        on_this_machine = is_local(url.host) and all(map(is_local, addresses))
        if url.scheme == "http" and self.local and on_this_machine:
            return addresses
        if url.scheme != "https" and not (url.scheme == "http" and url.host in self.plain):
            raise NotAllowed("the address is none for HTTPS")
        if url.host not in self.allowed and not all(map(is_public, addresses)):
            raise NotAllowed("the address leads inside")
        return addresses

    async def _post(
        self,
        url: httpx.URL,
        addresses: Sequence[str],
        headers: Mapping[str, str],
        body: Callable[[], AsyncIterator[bytes]],
    ) -> Receipt:
        """Post *body* to the first of *addresses* that takes a connection and shows that it is the host."""
        # Neither proxies nor passwords of this machine's environment concern the receiver.
        verify = self.trust or client_context()
        async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=TIMEOUT) as client:
            for address in addresses[:-1]:
                with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                    return await _posted(client, url, address, headers, body)
            return await _posted(client, url, addresses[-1], headers, body)


def receiver(text: str, *, local: bool = False) -> httpx.URL:
    """
    Return the address of a receiver.

    With *local* it may be one for HTTP on this machine.

    Raises:
        NotAllowed: It is no plain address for HTTPS.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise NotAllowed("the address is none") from None
    on_this_machine = local and url.scheme == "http" and is_local(url.host)
    if not (url.scheme == "https" or on_this_machine) or not HOST.fullmatch(url.raw_host) or url.userinfo:
        raise NotAllowed("the address is none for HTTPS, or has a password in it")
    return url.copy_with(fragment=None)


def host_of(text: str) -> str:
    """Return the host of the receiver *text*; empty where it is no address that is sent to."""
    try:
        return receiver(text).raw_host.decode("ascii")
    except NotAllowed:
        return ""


async def addresses_of(url: httpx.URL) -> list[str]:
    """
    Return the addresses that the host of *url* has.

    Raises:
        NotAllowed: It is no name of a host.
        OSError: The name has no address.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, url.port or HTTPS_PORT, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise NotAllowed("the address has no name of a host") from None
    return [str(entry[4][0]) for entry in found]


def is_public(address: str) -> bool:
    """Return whether *address* is one of the internet at large, and stands for no other one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found not in UNICAST or found in DOCUMENTATION or found.sixtofour or found.teredo:
            return False
    elif found in RELAYS:
        return False
    return found.is_global and not found.is_multicast


async def _posted(
    client: httpx.AsyncClient,
    url: httpx.URL,
    address: str,
    headers: Mapping[str, str],
    body: Callable[[], AsyncIterator[bytes]],
) -> Receipt:
    async with client.stream(
        "POST",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode(), **NOT_PACKED, **headers},
        content=body(),
        extensions={"sni_hostname": url.host},
    ) as response:
        return await _receipt(response)


async def _receipt(response: httpx.Response) -> Receipt:
    if response.is_server_error or response.status_code in NOT_NOW:
        raise ReceiverUnavailable(f"the receiver answered {response.status_code}")
    if not response.is_success:
        raise ReceiverRefused(f"the receiver answered {response.status_code}")
    body = bytearray()
    # Raw: of a packed body, a few bytes may unpack to any number.
    async for piece in response.aiter_raw():
        body += piece[: MOST_RECEIPT_BYTES - len(body)]
        if len(body) == MOST_RECEIPT_BYTES:
            break
    return Receipt(response.status_code, dict(response.headers), bytes(body))
