"""What a speed belongs to."""

from __future__ import annotations

import subprocess
import sys

from pilot_quantum.resource.site import look_around


def test_a_machine_is_told_by_its_processor_and_its_versions():
    site = look_around()
    assert site.machine.processor
    assert site.machine.cores >= 1
    assert {"python", "numpy", "pilot-quantum"} <= site.versions.keys()


def test_looking_around_imports_nothing_of_what_it_looks_for():
    code = "import sys; from pilot_quantum.resource.site import look_around; look_around(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "qiskit", "qiskit_aer", "pennylane_lightning"} & set(loaded)
