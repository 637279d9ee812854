"""What to do when a batch system refuses a job, by its own words."""

from __future__ import annotations

import re

_HINTS = (
    (
        r"invalid partition|unknown queue|queue.*(not|no) (exist|enabled)",
        "name one that `sinfo -s` or `qstat -Q` lists",
    ),
    (r"account", "give an account of yours (`sacctmgr show associations user=$USER`, or ask the site)"),
    (r"qos", "give a qos that is yours, or leave it out"),
    (r"feature", "constraint must name features that nodes have: `sinfo -o '%N %f'`"),
    (r"reservation", "see `scontrol show reservation`, or leave it out"),
    (r"licen[sc]e", "see `scontrol show licenses`"),
    (r"generic resource|gres", "the partition's nodes have no such devices: `sinfo -o '%N %G'`"),
    (r"time ?limit|walltime", "ask for less walltime, or name another partition or queue"),
    (r"memory", "ask for less memory per node"),
    (
        r"node count|nodes? configuration|not available|never run",
        "ask for fewer or smaller nodes: `sinfo -o '%P %D %c %m'`",
    ),
    (r"unrecognized option|invalid option|illegal|invalid directive", "see the pilot's directives"),
    (r"submit|limit", "a limit of yours is reached: let other jobs end first"),
    (r"disk|no space|quota", "the disk is full: give another directory"),
)


def hint(words: str) -> str:
    """What to change; empty where the words are not known."""
    for pattern, advice in _HINTS:
        if re.search(pattern, words, re.IGNORECASE):
            return advice
    return ""
