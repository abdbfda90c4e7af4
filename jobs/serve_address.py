"""Which addresses a server may listen on."""

from __future__ import annotations

import ipaddress
import socket

from models.errors import SafetyError, TryAgainError, UsageError


def check_host(host: str, is_behind_proxy: bool) -> None:
    """Refuse an address that others can reach: whoever connects runs code as the server's user, without a password.

    Raises:
        SafetyError: ``host`` is not loopback and no authenticating proxy is said to stand before it.
    """
    if not is_loopback(host) and not is_behind_proxy:
        raise SafetyError(
            f"{host} can be reached from other machines, and whoever connects runs code as you without a password: "
            "use 127.0.0.1 with an SSH tunnel, or --behind-authenticating-proxy where one stands before it"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``; a name counts by what it is, it is not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_port(host: str, port: int, option: str) -> None:
    """Find out before Spark starts whether the port can be had; 0 always can.

    Raises:
        TryAgainError: another process listens there.
        UsageError: the host is not an address of this machine, or the port is not allowed.
    """
    if port == 0:
        return
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: a port in TIME_WAIT is free
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror as e:
        raise UsageError(f"--host {host} is not an address ({e.strerror})") from e
    except OSError as e:
        if e.errno in (13, 99):  # EACCES, EADDRNOTAVAIL
            raise UsageError(f"cannot listen on {host}:{port} ({e.strerror}): choose another with {option}") from e
        raise TryAgainError(f"port {port} of {host} is taken: choose another with {option}, 0 takes a free one") from e
