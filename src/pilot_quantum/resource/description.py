"""What a user asks for: a pilot, as a URL or as a description."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource import address
from pilot_quantum.resource.capacity import CAPABILITY
from pilot_quantum.resource.checks import check_whole
from pilot_quantum.resource.units import parse_bytes, parse_seconds

ENGINES = ("processes", "dask", "ray")
DIALECTS = ("openpbs", "torque")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_WORD = re.compile(r"[^\s'\"\\;`$]+\Z")
_URL_SAFE = ":,-._"

_WHOLE = {"cores": 1, "gpus": 0, "qpus": 0, "memory": 1, "min_nodes": 0, "max_nodes": 1, "nodes": 0}
"""field -> its least value."""
_TIMES = ("walltime", "idle_timeout", "hold", "replace_before")
_WORDS = ("account", "qos", "constraint", "reservation", "licences", "interpreter", "address", "directory")
_LISTS = ("directives", "setup")
_BATCH = ("account", "qos", "constraint", "reservation", "licences", "directives")
_MANY = ("nodes", "min_nodes", "max_nodes", "idle_timeout", "hold", "replace_before")
_AWAY = ("interpreter", "setup", "address", "directory", "qpus")
_OFFERED = {
    "local": frozenset((*_BATCH, *_MANY, *_AWAY, "dialect")),
    "ssh": frozenset((*_BATCH, *_MANY, "dialect")),
    "slurm": frozenset(("dialect",)),
    "pbs": frozenset(("qos", "reservation")),
}
"""scheme -> the fields that mean nothing there."""


@dataclass(frozen=True, slots=True)
class PilotDescription:
    """A pilot to be acquired. Amounts are per node; `None` takes what the node has.

    resource: where, as a URL: "local://", "ssh://user@host,host2", "slurm://user@login/partition" or
    "pbs://user@login/queue" (without a login host: the commands of this machine). The other fields may stand in its
    query instead ("local://?cores=2&memory=4GiB"), and must then not be given twice.
    cores: CPU cores, one worker each; on this machine more than it has is allowed (they share).
    gpus, qpus: devices. memory: bytes or a text such as "4GiB": the most that tasks may claim together.
    walltime: seconds or a text such as "30m" after which the pilot ends, or None.
    engine: what runs the tasks: "processes", "dask" (the default over several nodes) or "ray".
    name: how the pilot is called in reports. capabilities: names that tasks can ask for, beside those found there.
    nodes: how many, in one allocation; one, or `min_nodes`, when left out. min_nodes, max_nodes: bounds between which
    the pilot grows and shrinks by itself; `min_nodes` is `nodes` when left out, and with 0 the pilot starts from
    nothing. hold: seconds for which work must wait before it grows (5). idle_timeout: seconds after which idle nodes
    are given back (60). replace_before: seconds before the end of an allocation at which its successor is asked for;
    shorter than the walltime.
    account, qos, constraint, reservation, licences: as the batch system calls them. directives: further lines for it
    ("--exclusive"), a text of lines or a list. dialect: of PBS, "openpbs" or "torque"; found out when left out.
    setup: shell lines to run first on the nodes ("module load cuda"). interpreter: the Python there.
    address: where agents reach this session (host or IP), when not found out rightly. directory: on the cluster's
    shared disk, for job scripts and their output.
    Raises InvalidDescriptionError naming the value, what is allowed and the nearest valid name.
    """

    resource: str = "local://"
    cores: int | None = None
    gpus: int = 0
    memory: int | None = None
    walltime: float | None = None
    engine: str = ""
    name: str | None = None
    capabilities: frozenset[str] = frozenset()
    nodes: int = None  # type: ignore[assignment]  # left out; a number once the description is made
    qpus: int = 0
    min_nodes: int | None = None
    max_nodes: int | None = None
    hold: float | None = None
    idle_timeout: float | None = None
    replace_before: float | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    licences: str | None = None
    directives: tuple[str, ...] = ()
    dialect: str | None = None
    setup: tuple[str, ...] = ()
    interpreter: str | None = None
    address: str | None = None
    directory: str | None = None

    def __post_init__(self) -> None:
        address.split(self.resource)
        keys = [name for name in _DEFAULTS if name != "resource"]
        for key, text in address.settings(self.resource, keys, _LISTS).items():
            if getattr(self, key) != _DEFAULTS[key]:
                raise InvalidDescriptionError(f"{key} is given twice: in {self.resource!r} and as an argument.")
            object.__setattr__(self, key, _whole(key, text) if key in _WHOLE and key != "memory" else text)
        self._normalise()
        self._validate()

    @property
    def scheme(self) -> str:
        """How it is obtained: local, ssh, slurm or pbs."""
        return self.resource.partition("://")[0]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of an ssh:// pilot, or the login host of a batch system's; empty for this machine."""
        return address.hosts(self.resource)

    @property
    def queue(self) -> str:
        """The partition or queue; empty for the default one."""
        return address.queue(self.resource)

    @property
    def most_nodes(self) -> int:
        """The largest number of nodes that the pilot may have."""
        return max(self.nodes, self.max_nodes or 0)

    @property
    def least_nodes(self) -> int:
        """The smallest number of nodes that the pilot keeps by itself."""
        return self.nodes if self.min_nodes is None else self.min_nodes

    @property
    def url(self) -> str:
        """The description as one URL, which gives an equal description when it is parsed."""
        pairs = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "resource" or value == _DEFAULTS[field.name] or self._implied(field.name):
                continue
            if field.name in _LISTS:
                pairs += [f"{field.name}={quote(line, safe=_URL_SAFE)}" for line in value]
                continue
            text = ",".join(sorted(value)) if field.name == "capabilities" else str(value)
            if field.name in _TIMES:
                text = f"{Decimal(text):f}"  # a URL's time has no exponent
            pairs.append(f"{field.name}={quote(text, safe=_URL_SAFE)}")
        return self.resource + ("?" + "&".join(pairs) if pairs else "")

    def _implied(self, name: str) -> bool:
        """Whether the field has the value that it would get by itself."""
        if name == "nodes":
            return self.nodes == self._usual_nodes()
        return name == "engine" and self.engine == self._usual_engine()

    def _usual_nodes(self) -> int:
        if self.scheme == "ssh":
            return len(self.hosts)
        return self.min_nodes if isinstance(self.min_nodes, int) else 1

    def _usual_engine(self) -> str:
        return "dask" if self.most_nodes > 1 else "processes"

    def _normalise(self) -> None:
        set_ = object.__setattr__
        set_(self, "resource", address.base(self.resource))
        if self.memory is not None:
            set_(self, "memory", parse_bytes(self.memory, "memory"))
        for name in _TIMES:
            value = getattr(self, name)
            if value is not None:
                set_(self, name, parse_seconds(value, name))
        names = self.capabilities.split(",") if isinstance(self.capabilities, str) else self.capabilities
        try:
            set_(self, "capabilities", frozenset(names))
        except TypeError:
            raise InvalidDescriptionError(f"capabilities={names!r}: give names such as 'simulator'.") from None
        for name in _LISTS:
            set_(self, name, _lines(name, getattr(self, name)))

    def _validate(self) -> None:
        self._validate_scheme()
        if self.nodes is None:
            object.__setattr__(self, "nodes", self._usual_nodes())
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if value is None and _DEFAULTS[name] is None:
                continue
            least = 1 if name == "nodes" and not self.max_nodes else least
            object.__setattr__(self, name, check_whole(name, value, least))
        for name in _TIMES:
            value = getattr(self, name)
            if value is None:
                continue
            if not _is_time(value):
                raise InvalidDescriptionError(f"{name}={value!r} must be a positive time in seconds.")
            object.__setattr__(self, name, float(value))
        for name in _WORDS:
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and _WORD.match(value)):
                raise InvalidDescriptionError(f"{name}={value!r} must be one word, without spaces and quotes.")
        self._validate_names()
        self._validate_bounds()

    def _validate_scheme(self) -> None:
        for name in _OFFERED[self.scheme]:
            usual = name == "nodes" and self.nodes == self._usual_nodes()
            if getattr(self, name) != _DEFAULTS[name] and not usual and not (name == "nodes" and self.scheme == "ssh"):
                raise InvalidDescriptionError(
                    f"{name}={getattr(self, name)!r} means nothing for {self.scheme}://; leave it out."
                )
        if self.scheme == "ssh" and self.nodes is not None and self.nodes != len(self.hosts):
            raise InvalidDescriptionError(
                f"nodes={self.nodes!r}, but {self.resource!r} names {len(self.hosts)} hosts: leave nodes out."
            )

    def _validate_names(self) -> None:
        if self.engine == "":
            object.__setattr__(self, "engine", self._usual_engine())
        if self.engine not in ENGINES:
            raise InvalidDescriptionError(address.unknown("engine", str(self.engine), ENGINES))
        if self.dialect is not None and self.dialect not in DIALECTS:
            raise InvalidDescriptionError(address.unknown("dialect", str(self.dialect), DIALECTS))
        if self.name is not None and not (isinstance(self.name, str) and _NAME.match(self.name)):
            raise InvalidDescriptionError(f"name={self.name!r} is no name; use letters, digits, '.', '_' and '-'.")
        for name in self.capabilities:
            if not isinstance(name, str) or not CAPABILITY.match(name):
                raise InvalidDescriptionError(
                    f"capability {name!r} is no name; use letters, digits, '.', '_', '+' and '-'."
                )

    def _validate_bounds(self) -> None:
        if self.walltime is not None and self.replace_before is not None and self.replace_before >= self.walltime:
            raise InvalidDescriptionError(
                f"replace_before={self.replace_before:g} must be shorter than walltime={self.walltime:g} (seconds): "
                "else each allocation is to be replaced as soon as it has begun."
            )
        if self.max_nodes is None:
            for name in ("min_nodes", "hold", "idle_timeout"):
                if getattr(self, name) is not None:
                    raise InvalidDescriptionError(
                        f"{name}={getattr(self, name)!r} means something only with max_nodes=, up to which the pilot "
                        "then grows by itself: give that too, or leave it out."
                    )
        elif not self.least_nodes <= self.nodes <= self.max_nodes:
            raise InvalidDescriptionError(
                f"min_nodes={self.least_nodes}, nodes={self.nodes}, max_nodes={self.max_nodes}: nodes must lie between "
                "the two."
            )


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(PilotDescription)}


def _lines(name: str, value: Any) -> tuple[str, ...]:
    """A text of lines, or a list of them, as a tuple without empty ones."""
    lines = (
        value.splitlines() if isinstance(value, str) else list(value) if isinstance(value, tuple | list) else [value]
    )
    for line in lines:
        if not isinstance(line, str) or "\n" in line or "\r" in line or "\0" in line:
            raise InvalidDescriptionError(f"{name}={value!r}: give a text, or a list of lines.")
    return tuple(line.strip() for line in lines if line.strip())


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _whole(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidDescriptionError(f"{key}={text!r} must be a whole number.") from None
