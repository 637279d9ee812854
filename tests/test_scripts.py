"""The session in programs of its own: without a `__main__` guard, from a module, from stdin, ended and broken off."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from pilot_quantum.journal.reader import JournalReader

LIMIT = 60


@pytest.fixture
def program(tmp_path):
    """Runs Python in an empty directory; the finished process. Source goes to `script.py`, or where `args` say."""

    def run(source, *args, name="script.py", stdin=None):
        (tmp_path / name).write_text(textwrap.dedent(source))
        command = [sys.executable, *(args or [name])]
        return subprocess.run(command, cwd=tmp_path, input=stdin, capture_output=True, text=True, timeout=LIMIT)

    run.directory = tmp_path
    return run


def ends_well(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


WHOLE = """
    import functools
    import pilot_quantum as pq

    factor = 2
    class Scaler:
        def __init__(self, by): self.by = by
        def scale(self, n): return n * self.by
        def __call__(self, n): return self.scale(n)
        def __eq__(self, other): return self.by == other.by
    class Broken(Exception): pass
    def helper(n): return n * factor
    def work(n): return helper(n) + 1
    @functools.lru_cache
    def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
    def fail(): raise Broken("by purpose")

    with pq.Session("session") as session:
        session.add_pilot("local://?cores=2")
        pool = session.executor()
        print(session.submit(work, 10).result(60))
        factor = 3
        print(session.submit(work, 10).result(60))
        def helper(n): return -n
        print(session.submit(work, 10).result(60))
        print(*session.map(lambda n: n + factor, range(3)))
        print(session.submit(Scaler(5).scale, 2).result(60), pool.submit(Scaler(5), 2).result(60))
        print(session.submit(functools.partial(work, 1)).result(60), session.submit(fib, 30).result(60))
        print(session.submit(Scaler, session.submit(abs, -4)).result(60) == Scaler(4))
        try: session.submit(fail).result(60)
        except Broken as error: print(error.args[0].replace(" ", "-"))
    """
SAID = ["21", "31", "-9", "3", "4", "5", "10", "10", "0", "832040", "True", "by-purpose"]


def test_a_script_without_a_guard(program):
    assert ends_well(program(WHOLE)) == SAID


def test_a_module(program):
    (program.directory / "package").mkdir()
    (program.directory / "package" / "__init__.py").write_text("")
    assert ends_well(program(WHOLE, "-m", "package.program", name="package/program.py")) == SAID


def test_a_program_from_stdin_and_from_the_command_line(program):
    assert ends_well(program("", "-", stdin=textwrap.dedent(WHOLE))) == SAID
    assert ends_well(program("", "-c", textwrap.dedent(WHOLE))) == SAID


def test_modules_beside_the_script_are_there_in_workers(program):
    (program.directory / "beside.py").write_text("base = 40\ndef add(n): return base + n\nclass Thing: value = 7\n")
    source = """
        import sys
        sys.path.insert(0, "below")
        import beside, deeper
        import pilot_quantum as pq
        with pq.Session("session") as session:
            session.add_pilot("local://?cores=1")
            print(session.submit(beside.add, 2).result(60), session.submit(lambda: beside.Thing.value).result(60))
            print(type(session.submit(beside.Thing).result(60)) is beside.Thing, session.submit(deeper.name).result(60))
        """
    (program.directory / "below").mkdir()
    (program.directory / "below" / "deeper.py").write_text("def name(): return __name__\n")
    assert ends_well(program(source)) == ["42", "7", "True", "deeper"]


@pytest.mark.parametrize(
    "ending",
    [
        "session, futures = work()",
        "def main():\n    session, futures = work()\n    futures[-1].result(60)\nmain()",
        "import gc\nfutures = work()[1]\ngc.collect()",
        "import gc\ndef main():\n    work()[1][-1].result(60)\nmain()\ngc.collect()",
    ],
    ids=["at the top", "in a function", "only its futures are kept", "forgotten"],
)
def test_a_session_that_is_left_open_ends_its_work_with_the_program(program, ending):
    beginning = """
        import pathlib, time
        import pilot_quantum as pq
        def mark(n):
            time.sleep(0.002)
            pathlib.Path(f"mark-{n}").touch()
        def work():
            session = pq.Session("session")
            session.add_pilot("local://?cores=2")
            return session, [session.submit(mark, n) for n in range(50)]
        """
    assert ends_well(program(textwrap.dedent(beginning) + ending)) == []
    assert len(list(program.directory.glob("mark-*"))) == 50
    with JournalReader(program.directory / "session") as journal:
        assert journal.life == "ended"
        assert journal.counts.done == 50


@pytest.mark.parametrize(
    "block",
    ["with pq.Session('session') as session:", "session = pq.Session('session')\nif True:"],
    ids=["with", "open"],
)
def test_a_script_that_fails_does_not_wait_for_its_tasks(program, block):
    source = f"""
import time
import pilot_quantum as pq
{block}
    session.add_pilot("local://?cores=1")
    futures = [session.submit(time.sleep, 1000) for _ in range(3)]
    raise KeyError("stumbled")
"""
    done = program(source)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("KeyError: 'stumbled'")
    with JournalReader(program.directory / "session") as journal:
        assert journal.counts.cancelled == 3


def test_random_numbers_differ_between_workers(program):
    source = """
        import random, time
        import numpy
        import pilot_quantum as pq
        numpy.random.seed(1)
        random.seed(1)
        def draw():
            time.sleep(0.05)
            return __import__("os").getpid(), numpy.random.random(), random.random()
        with pq.Session("session") as session:
            session.add_pilot("local://?cores=2")
            drawn = [future.result(60) for future in [session.submit(draw) for _ in range(8)]]
        print(len({pid for pid, _, _ in drawn}) > 1, len({n for _, n, _ in drawn}), len({n for _, _, n in drawn}))
        """
    assert ends_well(program(source)) == ["True", "8", "8"]


def test_an_executor_in_asyncio(program):
    source = """
        import asyncio
        import pilot_quantum as pq
        async def main():
            with pq.Session("session") as session:
                session.add_pilot("local://?cores=2")
                loop, pool = asyncio.get_running_loop(), session.executor()
                print(await session.submit(lambda: 1), await loop.run_in_executor(pool, lambda: 2))
                print(*await asyncio.gather(*(session.submit(lambda n: n, n) for n in range(3))))
        asyncio.run(main())
        """
    assert ends_well(program(source)) == ["1", "2", "0", "1", "2"]
