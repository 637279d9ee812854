"""At which of its addresses this machine can be reached from a cluster."""

from __future__ import annotations

import socket


def address_towards(host: str) -> str:
    """The address from which this machine would send to `host`; empty if the name is not known or no way leads there.

    Connecting a datagram socket asks the routing table and sends nothing.
    """
    try:
        found = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)
    except OSError:
        return ""
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.connect(address)
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return ""
