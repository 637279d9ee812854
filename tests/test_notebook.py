"""The session in Jupyter: functions live in cells, are redefined, and are awaited."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.requires("jupyter")

CELLS = [
    """
import pilot_quantum as pq
session = pq.Session("session")
pilot = session.add_pilot("local://?cores=2")
factor = 2
def scale(n): return n * factor
def work(n): return scale(n) + 1
print(session.submit(work, 10).result(60))
""",
    "factor = 3\nprint(session.submit(work, 10).result(60))",
    "def scale(n): return -n\nprint(session.submit(work, 10).result(60))",
    "print(await session.submit(work, 1))",
    """
import asyncio
pool = session.executor()
loop = asyncio.get_running_loop()
print(list(pool.map(lambda n: n + factor, range(3))), await loop.run_in_executor(pool, work, 2))
print(await asyncio.gather(*(session.submit(work, n) for n in range(3))))
""",
    """
class Thing:
    def __init__(self, n): self.n = n
    def twice(self): return 2 * self.n
thing = session.submit(Thing, 4).result(60)
print(isinstance(thing, Thing), session.submit(thing.twice).result(60))
""",
    """
def fail(): raise LookupError("by purpose")
try: session.submit(fail).result(60)
except LookupError as error: print(error, "in fail" in str(error.__cause__))
""",
    "session.close()\nprint(pilot.state)",
]
SAID = ["21\n", "31\n", "-9\n", "0\n", "[3, 4, 5] -1\n[1, 0, -1]\n", "True 8\n", "by purpose True\n", "done\n"]


def test_cells_define_redefine_and_await(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]
    assert said == SAID
