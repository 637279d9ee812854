"""What ranks say is told apart, whatever stands between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.workload.mpi.frames import LONGEST, Listener, frame

WORDS = st.tuples(st.integers(0, 3), st.sampled_from("oev"), st.binary(max_size=LONGEST))
NOISE = st.binary(max_size=40).map(lambda data: data.replace(b"\x1e", b"").replace(b"\n", b"") + b"\n")


@given(st.lists(WORDS), st.lists(NOISE), st.randoms(use_true_random=False))
def test_every_rank_gets_its_own_words_in_order(words, noise, random):
    lines: list[bytes] = [frame(*one) for one in words]
    for line in noise:
        lines.insert(random.randint(0, len(lines)), line)
    listener = Listener(4)
    listener.take(lines)
    for rank, said in enumerate(listener.ranks):
        for kind, heard in (("o", said.stdout), ("e", said.stderr), ("v", said.value)):
            assert heard == b"".join(data for one, what, data in words if (one, what) == (rank, kind))
        assert said.exit_code is None
    assert len(listener.other) == len(noise)


def test_a_frame_is_a_line_that_launchers_keep_whole():
    assert len(frame(9999, "o", b"x" * LONGEST)) <= 1000  # 1024 in Slurm, 4096 in a pipe
    assert frame(1, "o", b"\n\n").count(b"\n") == 1


def test_the_end_of_a_rank_is_its_exit_code_and_strange_ranks_are_nobody():
    listener = Listener(2)
    listener.take([frame(1, "x", b"3"), frame(7, "o", b"who?"), b"\x1enonsense\n"])
    assert [said.exit_code for said in listener.ranks] == [None, 3]
    assert len(listener.other) == 2
