"""What a user may ask of a pilot, as a URL and as a description; everything else is refused before anything runs."""

from __future__ import annotations

import string
from dataclasses import replace

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


WORDS = st.text(string.ascii_letters + string.digits + "._-:/@,+&=%#?|*()<>~^!$\u00e9", min_size=1, max_size=20).filter(
    lambda word: "$" not in word
)
LINES = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1).map(str.strip).filter(bool)
TIMES = st.floats(min_value=1e-6, max_value=1e9, allow_nan=False) | st.integers(1, 10**9)


@st.composite
def jobs(draw):
    """Descriptions of batch jobs with every field that may be given there."""
    scheme = draw(st.sampled_from(["slurm", "pbs"]))
    fields = {"resource": draw(st.sampled_from([f"{scheme}://", f"{scheme}:///fast", f"{scheme}://me@login/fast"]))}

    def some(name, values):
        if draw(st.booleans()):
            fields[name] = draw(values)

    for name in ("account", "constraint", "licences", "interpreter", "address", "directory"):
        some(name, WORDS)
    if scheme == "slurm":
        some("qos", WORDS)
        some("reservation", WORDS)
    else:
        some("dialect", st.sampled_from(["openpbs", "torque"]))
    some("cores", st.integers(1, 10**4))
    some("gpus", st.integers(0, 64))
    some("qpus", st.integers(0, 8))
    some("memory", st.integers(1, 2**60))
    some("engine", st.sampled_from(["processes", "dask", "ray"]))
    some("name", NAMES)
    some("capabilities", st.frozensets(NAMES, max_size=3))
    some("directives", st.lists(LINES, max_size=3))
    some("setup", st.lists(LINES, max_size=3))
    some("walltime", TIMES)
    some("replace_before", TIMES.filter(lambda time: "walltime" not in fields or time < fields["walltime"]))
    if draw(st.booleans()):
        least, nodes, most = sorted(draw(st.lists(st.integers(0, 100), min_size=3, max_size=3)))
        fields["max_nodes"] = max(1, most)
        some("min_nodes", st.just(least))
        some("nodes", st.just(nodes))
        some("hold", TIMES)
        some("idle_timeout", TIMES)
        if "nodes" not in fields and "min_nodes" not in fields:
            fields["nodes"] = nodes
    else:
        some("nodes", st.integers(1, 10**4))
    return PilotDescription(**fields)


@given(jobs())
def test_a_batch_job_is_its_url_with_every_field(description):
    assert PilotDescription(description.url) == description
    assert replace(description) == description


@given(st.integers(1, 4), st.none() | st.integers(1, 64), st.sampled_from(["processes", "dask", "ray"]))
def test_a_pilot_of_hosts_is_its_url(hosts, cores, engine):
    named = ",".join(f"me@h{number}:2222" for number in range(hosts))
    description = PilotDescription(f"ssh://{named}", cores=cores, engine=engine, setup="module load x; a b")
    assert description.nodes == hosts
    assert PilotDescription(description.url) == replace(description) == description


@pytest.mark.parametrize(
    ("query", "nodes", "least", "most"),
    [
        ("", 1, 1, 1),
        ("nodes=3", 3, 3, 3),
        ("max_nodes=4", 1, 1, 4),
        ("nodes=2&max_nodes=4", 2, 2, 4),
        ("min_nodes=2&max_nodes=4", 2, 2, 4),
        ("min_nodes=0&max_nodes=4", 0, 0, 4),
        ("min_nodes=0&nodes=1&max_nodes=4", 1, 0, 4),
    ],
)
def test_what_is_left_out_of_the_bounds_follows_from_the_rest(query, nodes, least, most):
    one = PilotDescription(f"slurm:///?{query}" if query else "slurm:///")
    assert (one.nodes, one.least_nodes, one.most_nodes) == (nodes, least, most)
    assert one.engine == ("dask" if most > 1 else "processes")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("slurm:///?nodes=0", "nodes=0 must be a whole number of at least 1"),
        ("slurm:///?min_nodes=2", "min_nodes=2 means something only with max_nodes="),
        ("slurm:///?hold=5", "hold=5.0 means something only with max_nodes="),
        ("slurm:///?idle_timeout=1m", "idle_timeout=60.0 means something only with max_nodes="),
        ("slurm:///?min_nodes=3&max_nodes=2", "min_nodes=3, nodes=3, max_nodes=2: nodes must lie between"),
        ("slurm:///?nodes=5&max_nodes=4", "nodes=5, max_nodes=4"),
        ("slurm:///?min_nodes=-1&max_nodes=4", "min_nodes=-1 must be"),
        ("slurm:///?min_nodes=x&max_nodes=4", "min_nodes='x' must be a whole number"),
        ("slurm:///?max_nodes=0", "max_nodes=0 must be"),
        ("slurm:///?walltime=10m&replace_before=10m", "replace_before=600 must be shorter than walltime=600"),
        ("slurm:///?replace_before=soon", "replace_before='soon'"),
        ("slurm:///?dialect=torque", "dialect='torque' means nothing for slurm://"),
        ("pbs:///?dialect=torqe", "did you mean 'torque'"),
        ("pbs:///?qos=high", "qos='high' means nothing for pbs://"),
        ("slurm:///?account=a%20b", "account='a b' must be one word"),
        ("local://?nodes=2", "nodes=2 means nothing for local://"),
        ("local://?max_nodes=2", "max_nodes=2 means nothing for local://"),
        ("ssh://a,b?nodes=3", "nodes=3, but 'ssh://a,b' names 2 hosts"),
        ("ssh://a?max_nodes=3", "max_nodes=3 means nothing for ssh://"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(url, words):
    with pytest.raises(InvalidDescriptionError) as caught:
        PilotDescription(url)
    assert words in str(caught.value)


def test_a_line_is_one_line():
    with pytest.raises(InvalidDescriptionError, match="directives="):
        PilotDescription("slurm:///", directives=["--a\n#SBATCH --b"])
    assert PilotDescription("slurm:///", directives="--a\n\n --b ").directives == ("--a", "--b")


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
