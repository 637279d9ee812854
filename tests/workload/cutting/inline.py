"""A submitter that runs the parts of cut circuits in this process."""

from __future__ import annotations

from tests.workload import inline

from pilot_quantum.workload.cutting.execute import CutRunner


class Inline(inline.Inline):
    """One with a runner of its own."""

    def runner(self, **options):
        return CutRunner(self, self.resources, **options)
