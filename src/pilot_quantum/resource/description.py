"""What a user asks for: a pilot, as a URL or as a description."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from urllib.parse import parse_qsl, quote, urlsplit

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.capacity import CAPABILITY
from pilot_quantum.resource.units import parse_bytes, parse_seconds

SCHEMES = ("local",)
ENGINES = ("processes",)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_URL_SAFE = ":,-._"


@dataclass(frozen=True, slots=True)
class PilotDescription:
    """A pilot to be acquired. Amounts are per node; `None` takes what the machine has.

    resource: where, as a URL: "local://". The other fields may stand in its query instead
    ("local://?cores=2&memory=4GiB"), and must then not be given twice.
    cores: CPU cores, one worker each; more than the machine has is allowed (they share).
    gpus: GPUs. memory: bytes or a text such as "4GiB": the most that tasks may claim together.
    walltime: seconds or a text such as "30m" after which the pilot ends, or None.
    engine: what runs the tasks: "processes". name: how the pilot is called in reports.
    capabilities: names that tasks can ask for, beside those found on the machine.
    Raises InvalidDescriptionError naming the value, what is allowed and the nearest valid name.
    """

    resource: str = "local://"
    cores: int | None = None
    gpus: int = 0
    memory: int | None = None
    walltime: float | None = None
    engine: str = "processes"
    name: str | None = None
    capabilities: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for key, text in _query(self.resource):
            if getattr(self, key) != _DEFAULTS[key]:
                raise InvalidDescriptionError(f"{key} is given twice: in {self.resource!r} and as an argument.")
            object.__setattr__(self, key, _whole(key, text) if key in ("cores", "gpus") else text)
        self._normalise()
        self._validate()

    def _normalise(self) -> None:
        set_ = object.__setattr__
        set_(self, "resource", f"{urlsplit(self.resource).scheme}://")
        if self.memory is not None:
            set_(self, "memory", parse_bytes(self.memory, "memory"))
        if self.walltime is not None:
            set_(self, "walltime", parse_seconds(self.walltime, "walltime"))
        names = self.capabilities.split(",") if isinstance(self.capabilities, str) else self.capabilities
        try:
            set_(self, "capabilities", frozenset(names))
        except TypeError:
            raise InvalidDescriptionError(f"capabilities={names!r}: give names such as 'simulator'.") from None

    def _validate(self) -> None:
        for name, least in (("cores", 1), ("gpus", 0), ("memory", 1)):
            value = getattr(self, name)
            if value is None and name != "gpus":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidDescriptionError(f"{name}={value!r} must be a whole number of at least {least}.")
        if self.walltime is not None:
            if not _is_time(self.walltime):
                raise InvalidDescriptionError(f"walltime={self.walltime!r} must be a positive time in seconds.")
            object.__setattr__(self, "walltime", float(self.walltime))
        if self.engine not in ENGINES:
            raise InvalidDescriptionError(unknown("engine", str(self.engine), ENGINES))
        if self.name is not None and not (isinstance(self.name, str) and _NAME.match(self.name)):
            raise InvalidDescriptionError(f"name={self.name!r} is no name; use letters, digits, '.', '_' and '-'.")
        for name in self.capabilities:
            if not isinstance(name, str) or not CAPABILITY.match(name):
                raise InvalidDescriptionError(
                    f"capability {name!r} is no name; use letters, digits, '.', '_', '+' and '-'."
                )

    @property
    def url(self) -> str:
        """The description as one URL, which gives an equal description when it is parsed."""
        pairs = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "resource" and value != _DEFAULTS[field.name]:
                text = ",".join(sorted(value)) if field.name == "capabilities" else str(value)
                if field.name == "walltime":
                    text = f"{Decimal(text):f}"  # a URL's time has no exponent
                pairs.append(f"{field.name}={quote(text, safe=_URL_SAFE)}")
        return self.resource + ("?" + "&".join(pairs) if pairs else "")


_DEFAULTS = {field.name: field.default for field in fields(PilotDescription)}


def unknown(what: str, given: str, valid: Iterable[str]) -> str:
    """The sentence for a name that does not exist, with the nearest one that does."""
    valid = sorted(str(name) for name in valid)
    near = difflib.get_close_matches(given, valid, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {what} {given!r}{hint} Valid: {', '.join(valid)}."


def _query(resource: str) -> list[tuple[str, str]]:
    """The key-value pairs of a resource URL, checked. Raises InvalidDescriptionError."""
    if not isinstance(resource, str) or "://" not in resource:
        raise InvalidDescriptionError(f"resource={resource!r} is no URL; write, for example, local://?cores=2.")
    try:
        parts = urlsplit(resource)
    except ValueError as error:
        raise InvalidDescriptionError(f"resource={resource!r} is no URL: {error}.") from None
    if parts.scheme not in SCHEMES:
        raise InvalidDescriptionError(unknown("resource scheme", parts.scheme, SCHEMES) + f" In {resource!r}.")
    if parts.netloc or parts.path not in ("", "/") or parts.fragment:
        raise InvalidDescriptionError(
            f"{resource!r}: local:// takes no host and no path; write, for example, local://?cores=2."
        )
    keys = [name for name in _DEFAULTS if name != "resource"]
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise InvalidDescriptionError(f"{resource!r}: write the query as key=value&key=value.") from None
    seen: set[str] = set()
    for key, value in pairs:
        if key not in keys:
            raise InvalidDescriptionError(unknown("key", key, keys) + f" In {resource!r}.")
        if key in seen:
            raise InvalidDescriptionError(f"{key} is given twice in {resource!r}.")
        if not value:
            raise InvalidDescriptionError(f"{key} has no value in {resource!r}.")
        seen.add(key)
    return pairs


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _whole(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidDescriptionError(f"{key}={text!r} must be a whole number.") from None
