"""Who gets in, and who does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from gateway.auth import ATTEMPTS, ATTEMPTS_WITHIN_S, COOKIE, SESSION_S, Credentials, Guard

PASSWORD = "correct horse"
TOKEN = "a-token-of-more-than-twenty-characters"
SECRET = bytes(32)
NOW = 1_760_000_000.0


@pytest.fixture(scope="module")
def guard() -> Guard:
    """A guard with a password and a token."""
    return Guard(Credentials(PASSWORD, TOKEN), SECRET)


def session(guard: Guard, now_s: float = NOW, address: str = "10.0.0.1") -> str:
    """Log in and return the cookie header."""
    value = guard.log_in(PASSWORD, address, now_s)
    assert value is not None
    return f"theme=dark; {COOKIE}={value}"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "mall.example", ""])
def test_open_to_the_network_needs_a_password(host: str) -> None:
    """Without a password nothing but the loopback address is listened on."""
    with pytest.raises(ConfigurationError, match="without a password"):
        Credentials().check(host)
    Credentials("long enough").check(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_none(host: str) -> None:
    """On the loopback address no password is needed."""
    Credentials().check(host)


def test_weak_secrets_are_refused() -> None:
    """A short password or token stops the gateway at once."""
    with pytest.raises(ConfigurationError, match="password"):
        Credentials("short").check("127.0.0.1")
    with pytest.raises(ConfigurationError, match="token"):
        Credentials("long enough", "short").check("127.0.0.1")


def test_credentials_are_never_shown() -> None:
    """Neither password nor token is in what a log would show."""
    assert PASSWORD not in repr(Credentials(PASSWORD, TOKEN))
    assert TOKEN not in repr(Credentials(PASSWORD, TOKEN))


def test_right_password_opens_a_session(guard: Guard) -> None:
    """The session of a login lets requests in until it ends."""
    cookie = session(guard)
    assert guard.admits(cookie, "", NOW)
    assert guard.admits(cookie, "", NOW + SESSION_S - 1)
    assert not guard.admits(cookie, "", NOW + SESSION_S + 1)


def test_session_outlives_a_restart_and_ends_with_the_password(guard: Guard) -> None:
    """A new guard with the same secret knows old sessions; with another password or secret it does not."""
    cookie = session(guard)
    assert Guard(Credentials(PASSWORD), SECRET).admits(cookie, "", NOW)
    assert not Guard(Credentials("another one"), SECRET).admits(cookie, "", NOW)
    assert not Guard(Credentials(PASSWORD), b"1" * 32).admits(cookie, "", NOW)


@given(st.text(max_size=80))
def test_made_up_cookies_and_tokens_are_refused(text: str) -> None:
    """No cookie and no header but the right ones get in, and none of them breaks anything."""
    guard = _GUARD
    assert not guard.admits(f"{COOKIE}={text}", "", NOW)
    assert not guard.admits(text, text, NOW)
    assert not guard.admits("", f"Bearer {text}", NOW)


_GUARD = Guard(Credentials(PASSWORD, TOKEN), SECRET)


def test_forged_expiry_is_refused(guard: Guard) -> None:
    """A session cannot be made longer by its owner."""
    name, _, value = session(guard).rpartition("=")
    expires, rest = value.split(".", 1)
    assert not guard.admits(f"{name}={int(expires) + 999_999}.{rest}", "", NOW)


def test_bearer_token(guard: Guard) -> None:
    """A machine gets in with the token, and only where one is set."""
    assert guard.admits("", f"Bearer {TOKEN}", NOW)
    assert guard.admits("", f"bearer  {TOKEN}", NOW)
    assert not Guard(Credentials(PASSWORD), SECRET).admits("", f"Bearer {TOKEN}", NOW)
    assert not Guard(Credentials(PASSWORD), SECRET).admits("", "Bearer ", NOW)


def test_wrong_passwords_are_slowed_down() -> None:
    """After some wrong passwords an address waits; others do not, until there are too many of them."""
    guard = Guard(Credentials(PASSWORD), SECRET)
    for i in range(ATTEMPTS):
        assert guard.wait_s("10.0.0.1", NOW + i) == 0
        assert guard.log_in("wrong", "10.0.0.1", NOW + i) is None
    assert guard.wait_s("10.0.0.1", NOW + ATTEMPTS) > 0
    assert guard.wait_s("10.0.0.2", NOW + ATTEMPTS) == 0
    assert guard.wait_s("10.0.0.1", NOW + ATTEMPTS_WITHIN_S) == 0
    for i in range(9 * ATTEMPTS):
        guard.log_in("wrong", f"10.0.1.{i}", NOW + 5)
    assert guard.wait_s("10.0.0.2", NOW + 6) > 0


@pytest.mark.parametrize("password", ["", PASSWORD + " ", PASSWORD.upper(), "x" * 100_000, "密码\x00"])
def test_wrong_password(guard: Guard, password: str) -> None:
    """Anything but the password is wrong."""
    assert guard.log_in(password, "10.9.9.9", NOW) is None


@pytest.mark.parametrize(
    ("host", "origin", "trusted"),
    [
        ("127.0.0.1:8000", None, True),
        ("localhost:8000", "http://localhost:8000", True),
        ("[::1]:8000", "http://[::1]:8000", True),
        ("127.0.0.1:8000", "http://evil.example", False),
        ("127.0.0.1:8000", "http://127.0.0.1:9000", False),
        ("127.0.0.1:8000", "null", False),
        ("evil.example:8000", None, False),
        ("127.0.0.1.evil.example", None, False),
        ("", None, False),
        ("[::1", None, False),
    ],
)
def test_strange_hosts_and_origins(host: str, origin: str | None, trusted: bool) -> None:
    """On loopback, a page of another site reaches nothing: neither by its own name nor by its own origin."""
    assert Guard(Credentials(), SECRET).trusts(host, origin) is trusted


def test_named_host_with_a_password(guard: Guard) -> None:
    """With a password any name may lead to the gateway, but no other origin may use its sessions."""
    assert guard.trusts("mall.example", "https://mall.example")
    assert not guard.trusts("mall.example", "https://evil.example")
