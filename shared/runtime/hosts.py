"""Hosts of this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_local(host: str | None) -> bool:
    """Return whether *host* is this machine."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def may_use_proxy(url: str) -> bool:
    """Return whether calls of *url* may take a proxy of the environment: not those to this machine."""
    return not is_local(urlsplit(url).hostname)
