"""Submitters for what does not depend on workers: tasks run in this process, or wait for the test."""

from __future__ import annotations

import pickle
from concurrent.futures import Future

from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.task.options import TaskOptions


class Inline:
    """Runs each task at once, as far as its arguments can be pickled. seen: (options, function, arguments) of each."""

    capabilities = frozenset({"simulator", "lightning"})

    def __init__(self, memory=2**34, options=None, seen=None):
        self.options = options or TaskOptions()
        self.memory = memory
        self.seen = [] if seen is None else seen

    def with_options(self, **options):
        return type(self)(self.memory, self.options.changed(**options), self.seen)

    def submit(self, fn, /, *args):
        self.seen.append((self.options, fn, args))
        future = Future()
        try:
            future.set_result(fn(*pickle.loads(pickle.dumps(args, protocol=5))))
        except Exception as error:
            future.set_exception(error)
        return future

    def resources(self):
        return (ResourceProfile("local-1", 1, 2, 0, 0, self.memory, self.capabilities),)

    @property
    def needs(self):
        """Of every task."""
        return [options.needs[0].needs for options, _, _ in self.seen]


class Held(Inline):
    """Keeps tasks until the test ends them: `futures`, in the order in which they were handed over."""

    def __init__(self):
        super().__init__()
        self.futures = []

    def with_options(self, **options):
        self.options = self.options.changed(**options)
        return self

    def submit(self, fn, /, *args):
        self.seen.append((self.options, fn, args))
        self.futures.append(Future())
        return self.futures[-1]
