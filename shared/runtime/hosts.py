"""Hosts of this machine."""

from ipaddress import ip_address


def is_local(host: str | None) -> bool:
    """Return whether *host* is this machine."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
