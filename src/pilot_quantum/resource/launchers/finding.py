"""What a dry run tells."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was tried: what, whether it is right, what was found, what to do."""

    what: str
    ok: bool
    found: str
    advice: str = ""
