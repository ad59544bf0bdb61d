"""Where webhooks may go: addresses that the gateway may be asked to call.

Whoever can add a webhook makes the gateway send requests, from inside the mall's network. So without a switch
that is set on purpose they go to public addresses alone, over TLS.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from contracts.errors import ConfigurationError

MAX_URL = 2000
_NAT64 = IPv6Network("64:ff9b::/96")
_SWITCH = "If the receiver is in the mall's own network, say so: `private`, on the command line --private."


def check_url(url: str, *, private: bool) -> str:
    """Return a receiver's URL as it is.

    Raises `ConfigurationError` where it is none, has a login in it, or is not allowed: without `private`,
    https to public addresses; with it also http and addresses of private networks, which `check_address`
    holds it to when it is resolved. The message does not repeat the URL, which may have a token in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not host or port == 0 or not plain or len(url) > MAX_URL:
        raise ConfigurationError(
            f"a webhook's URL is https://HOST[:PORT]/PATH, at most {MAX_URL} ASCII characters",
            "Write it like https://crm.example/mallsense.",
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            "a webhook's URL has no user or password in it",
            "Whoever receives checks the signature instead; a token in the path is possible, too.",
        )
    if parts.fragment:
        raise ConfigurationError("a webhook's URL has no fragment (#...): it is never sent")
    if parts.scheme == "http" and not private:
        raise ConfigurationError("a webhook's URL is https: events name members", _SWITCH)
    literal = _literal(host)
    if literal is not None or host == "localhost":
        check_address(literal or ip_address("127.0.0.1"), private=private, tls=parts.scheme == "https")
    return url


def check_address(address: IPv4Address | IPv6Address, *, private: bool, tls: bool) -> None:
    """Raise `ConfigurationError` where a receiver may not be at this address.

    Addresses that belong to a single link (where clouds keep the credentials of machines) or to nobody are
    never called; private ones with the switch alone; public ones over TLS alone.
    """
    if isinstance(address, IPv6Address):
        address = _inner(address)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise ConfigurationError("a receiver cannot be at a link-local, multicast or unspecified address")
    is_public = address.is_global and not (isinstance(address, IPv6Address) and address.is_site_local)
    if not is_public and not private:
        raise ConfigurationError("the receiver is at an address of a private network", _SWITCH)
    if is_public and not tls:
        raise ConfigurationError(
            "http goes to private networks alone: events name members", "Give an https URL."
        )


def _inner(address: IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that one leads to: mapped (RFC 4291), 6to4 (RFC 3056), NAT64 (RFC 6052)."""
    inner = address.ipv4_mapped or address.sixtofour
    return inner or (IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
