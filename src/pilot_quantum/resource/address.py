"""Where a pilot is to be had, as a URL says it: scheme, login or hosts, queue; and the settings in its query."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pilot_quantum.errors import InvalidDescriptionError

SHAPES: Mapping[str, str] = {
    "local": "local://?cores=2",
    "ssh": "ssh://user@host?cores=4, or ssh://user@host1,host2",
    "slurm": "slurm:///partition?nodes=2, or slurm://user@login-host/partition",
    "pbs": "pbs:///queue?nodes=2, or pbs://user@login-host/queue",
}
"""scheme -> how a URL of it looks."""
_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)(?::\d{1,5})?\Z")
_PASSWORD = re.compile(r":.*@", re.DOTALL)
_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*\Z")


def split(resource: object) -> SplitResult:
    """The parts of a resource URL. Raises InvalidDescriptionError when it is none."""
    if not isinstance(resource, str) or "://" not in resource:
        raise InvalidDescriptionError(f"resource={shown(resource)} is no URL; write, for example, local://?cores=2.")
    try:
        parts = urlsplit(resource)
    except ValueError as error:
        raise InvalidDescriptionError(f"resource={shown(resource)} is no URL: {_masked(str(error))}.") from None
    if parts.scheme not in SHAPES:
        raise InvalidDescriptionError(unknown("resource scheme", parts.scheme, SHAPES) + f" In {shown(resource)}.")
    _check(parts, resource)
    return parts


def base(resource: str) -> str:
    """The URL without its query, in one spelling."""
    parts = urlsplit(resource)
    path = parts.path.strip("/")
    return f"{parts.scheme}://{parts.netloc}" + (f"/{path}" if path else "")


def hosts(resource: str) -> tuple[str, ...]:
    """The hosts of an ssh:// URL, or the one login host of a batch system's; empty for this machine."""
    return tuple(host for host in urlsplit(resource).netloc.split(",") if host)


def queue(resource: str) -> str:
    """The partition or queue that a batch system's URL names; empty for its default."""
    return unquote(urlsplit(resource).path.strip("/"))


def shown(resource: object) -> str:
    """A URL, or a part of one, as messages quote it: without any password."""
    return repr(_masked(resource)) if isinstance(resource, str) else repr(resource)


def settings(resource: str, keys: Iterable[str], lists: Iterable[str]) -> dict[str, str]:
    """The settings of a URL's query, which must be among `keys`; those in `lists` may be repeated, a line each."""
    keys, lists = list(keys), set(lists)
    try:
        query = urlsplit(resource).query
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise InvalidDescriptionError(f"{shown(resource)}: write the query as key=value&key=value.") from None
    found: dict[str, str] = {}
    for key, value in pairs:
        if key not in keys:
            raise InvalidDescriptionError(unknown("key", key, keys) + f" In {shown(resource)}.")
        if not value:
            raise InvalidDescriptionError(f"{key} has no value in {shown(resource)}.")
        if key in found and key not in lists:
            raise InvalidDescriptionError(f"{key} is given twice in {shown(resource)}.")
        found[key] = f"{found[key]}\n{value}" if key in found else value
    return found


def unknown(what: str, given: str, valid: Iterable[str]) -> str:
    """The sentence for a name that does not exist, with the nearest one that does."""
    valid = sorted(str(name) for name in valid)
    near = difflib.get_close_matches(given, valid, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {what} {given!r}{hint} Valid: {', '.join(valid)}."


def _masked(text: str) -> str:
    """All between the first colon behind the scheme and the last "@": rather too much than a part of a password."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    return scheme + mark + _PASSWORD.sub(":***@", rest)


def _check(parts: SplitResult, resource: str) -> None:
    shape, quoted = SHAPES[parts.scheme], shown(resource)
    path = parts.path.strip("/")
    given = [host for host in parts.netloc.split(",") if parts.netloc]
    if parts.scheme == "local" and (given or path or parts.fragment):
        raise InvalidDescriptionError(f"{quoted}: local:// takes no host and no path; write, for example, {shape}.")
    if parts.fragment:
        raise InvalidDescriptionError(f"{quoted}: a '#' has no meaning here; write, for example, {shape}.")
    if parts.scheme == "ssh":
        if not given:
            raise InvalidDescriptionError(f"{quoted} names no host; write, for example, {shape}.")
        if path:
            raise InvalidDescriptionError(f"{quoted}: ssh:// takes no path; write, for example, {shape}.")
        if len(set(given)) < len(given):
            raise InvalidDescriptionError(f"{quoted} names a host twice.")
    elif len(given) > 1:
        raise InvalidDescriptionError(f"{quoted}: a batch system has one login host; write, for example, {shape}.")
    for host in given:
        if ":" in host.rpartition("@")[0]:
            raise InvalidDescriptionError(
                f"{quoted}: a password has no place in a URL, which others may see. Leave it out: OpenSSH takes "
                "keys, agents and its own configuration, and asks for what else it needs."
            )
        if not _HOST.match(host):  # a leading "-" would be an option of ssh
            raise InvalidDescriptionError(f"{quoted}: {shown(host)} is no host; write, for example, {shape}.")
    if path and not _QUEUE.match(unquote(path)):
        raise InvalidDescriptionError(f"{quoted}: {path!r} is no queue's name; write, for example, {shape}.")
