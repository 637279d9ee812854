"""A submitter that runs tasks in this process."""

from __future__ import annotations

import pickle
from concurrent.futures import Future

from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.workload.cutting.execute import CutRunner


class Inline:
    """A submitter that runs each task at once, in this process, as far as its arguments can be pickled."""

    def __init__(self, memory=2**34, options=None, seen=None):
        self.options = options or TaskOptions()
        self.memory = memory
        self.seen = [] if seen is None else seen

    def with_options(self, **options):
        return Inline(self.memory, self.options.changed(**options), self.seen)

    def submit(self, fn, /, *args):
        self.seen.append((fn, args))
        future = Future()
        try:
            future.set_result(fn(*pickle.loads(pickle.dumps(args, protocol=5))))
        except Exception as error:
            future.set_exception(error)
        return future

    def resources(self):
        return (ResourceProfile("local-1", 1, 2, 0, 0, self.memory, frozenset({"simulator", "lightning"})),)

    def runner(self, **options):
        return CutRunner(self, self.resources, **options)
