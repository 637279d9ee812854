"""What a user may ask of a pilot, as a URL and as a description; everything else is refused before anything runs."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.description import PilotDescription

NAMES = st.builds(
    str.__add__,
    st.sampled_from(string.ascii_letters + string.digits),
    st.text(string.ascii_letters + string.digits + "._-", max_size=63),
)


@given(
    st.builds(
        PilotDescription,
        cores=st.none() | st.integers(1, 10**6),
        gpus=st.integers(0, 64),
        memory=st.none() | st.integers(1, 2**70),
        walltime=st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False) | st.integers(1, 10**20),
        name=st.none() | NAMES,
        capabilities=st.frozensets(NAMES, max_size=4),
    )
)
def test_a_description_is_its_url(description):
    assert PilotDescription(description.url) == description


def test_a_url_says_all_that_a_description_can():
    url = "local://?cores=2&gpus=1&memory=4GiB&walltime=30m&engine=processes&name=lap-1&capabilities=simulator,fast"
    assert PilotDescription(url) == PilotDescription(
        cores=2, gpus=1, memory=4 * 2**30, walltime=1800, name="lap-1", capabilities=frozenset({"simulator", "fast"})
    )
    assert PilotDescription("local://") == PilotDescription("LOCAL://") == PilotDescription("local:///")


def test_arguments_may_add_to_a_url():
    assert PilotDescription("local://?cores=2", memory="1GiB", capabilities=["b", "a"]).url == (
        "local://?cores=2&memory=1073741824&capabilities=a,b"
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("locl://", "'locl'; did you mean 'local'"),
        ("local://?coers=2", "'coers'; did you mean 'cores'"),
        ("local://?walltme=2", "'walltme'; did you mean 'walltime'"),
        ("local://?engine=proceses", "'proceses'; did you mean 'processes'"),
        ("local://?resource=x", "unknown key 'resource'"),
        ("local://?=5", "unknown key ''"),
        ("local://?cores=2&cores=3", "cores is given twice"),
        ("local://?cores=", "cores has no value"),
        ("local://?cores", "key=value"),
        ("local://?cores=two", "cores='two'"),
        ("local://?cores=0", "cores=0 must be a whole number of at least 1"),
        ("local://?gpus=-1", "gpus=-1"),
        ("local://?memory=0", "memory=0"),
        ("local://?memory=lots", "memory='lots'"),
        ("local://?walltime=0", "walltime=0"),
        ("local://?walltime=nan", "walltime='nan'"),
        ("local://?name=a/b", "'a/b' is no name"),
        ("local://?name=%0A", r"is no name"),
        ("local://?capabilities=a,,b", "'' is no name"),
        ("local://somewhere", "takes no host"),
        ("local:///path?cores=2", "no path"),
        ("local://?cores=2#part", "no host and no path"),
        ("local://[", "is no URL"),
        ("local", "is no URL"),
        ("", "is no URL"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_by_name(url, words):
    with pytest.raises(InvalidDescriptionError) as caught:
        PilotDescription(url)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resource", 5),
        ("resource", None),
        ("cores", 0),
        ("cores", -2),
        ("cores", 2.0),
        ("cores", "2"),
        ("cores", True),
        ("gpus", -1),
        ("gpus", None),
        ("memory", 1.5),
        ("memory", "9 GB of it"),
        ("walltime", 0),
        ("walltime", True),
        ("walltime", float("nan")),
        ("walltime", float("inf")),
        ("walltime", "soon"),
        ("engine", "dask2"),
        ("engine", 5),
        ("name", ""),
        ("name", 5),
        ("name", "x" * 65),
        ("name", "-x"),
        ("capabilities", 5),
        ("capabilities", [["a"]]),
        ("capabilities", [5]),
        ("capabilities", ""),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(field, value):
    with pytest.raises(InvalidDescriptionError):
        PilotDescription(**{field: value})


def test_what_is_said_twice_is_refused():
    with pytest.raises(InvalidDescriptionError, match="cores is given twice"):
        PilotDescription("local://?cores=2", cores=3)
