"""A URL's parts as messages show them: a password never."""

from __future__ import annotations

import pytest

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import shown
from pilot_quantum.resource.description import PilotDescription

REFUSED = [
    "ssh://user:s3cret@host",
    "ssh://user:s3cret@host?cores=4",
    "ssh://user@first,user:s3cret@second",
    "ssh://user:s3@cret@host",
    "ssh://user:s3cret/@host",
    "ssh://user:#s3cret@host",
    "ssh://user:?s3cret@host",
    "ssh://user:[s3cret@host",
    "slurm://user:s3cret@host/gpu?nodes=2",
    "sssh://user:s3cret@host",
    "local://user:s3cret@host",
    "user:s3cret@host",
    "ssh://user:s3cret@host?colour=red",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_refused_url_is_quoted_without_its_password(url: str):
    with pytest.raises(InvalidDescriptionError) as refused:
        PilotDescription(url)
    assert "s3" not in str(refused.value)
    assert "cret" not in str(refused.value)
    assert ":***@" in str(refused.value)


def test_a_password_is_refused_by_name():
    with pytest.raises(InvalidDescriptionError, match=r"'ssh://user:\*\*\*@host'.*a password has no place in a URL"):
        PilotDescription("ssh://user:s3cret@host")


@pytest.mark.parametrize("url", ["ssh://user@host:22,other", "slurm:///gpu?nodes=2", "local://?walltime=01:30:00", ""])
def test_a_url_without_one_is_quoted_as_it_is(url: str):
    assert shown(url) == repr(url)
