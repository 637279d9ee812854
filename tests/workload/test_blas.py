"""The OpenBLAS that Aer brings reads no further than its arrays."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

ENDS = """
import ctypes, mmap
from random import random
from threadpoolctl import threadpool_info
import pilot_quantum.workload.flatten
import pilot_quantum.workload.aer

paths = [one["filepath"] for one in threadpool_info() if one["internal_api"] == "openblas"]
(path,) = [path for path in paths if "qiskit_aer" in path]
blas, libc = ctypes.CDLL(path), ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

def array(numbers):
    # Where it ends, memory does: the page behind may not be read.
    size = 16 * numbers
    pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    begin = libc.mmap(None, ctypes.c_size_t(pages + mmap.PAGESIZE), 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    libc.mprotect(begin + pages, mmap.PAGESIZE, 0)
    first = begin + pages - size
    (ctypes.c_double * (2 * numbers)).from_address(first)[:] = [random() for _ in range(2 * numbers)]
    return ctypes.c_void_p(first)

def whole(number):
    return ctypes.byref(ctypes.c_int(number))

for m, n in ((2, 4), (2, 16), (6, 10), (10, 6), (34, 20)):
    least, most = min(m, n), max(m, n)
    work, info = 2 * least + most, ctypes.c_int()
    a, s, u, v = array(m * n), array(least), array(m * m), array(n * n)
    blas.zgesvd_(b"A", b"A", whole(m), whole(n), a, whole(m), s, u, whole(m), v, whole(n), array(work), whole(work),
                 array(5 * least), ctypes.byref(info))
    assert info.value == 0
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="of these kernels, for x86 alone")
def test_singular_values_are_found_without_reading_past_the_matrix():
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}

    found = subprocess.run([sys.executable, "-c", ENDS], env=environment, capture_output=True, text=True, timeout=120)

    assert found.returncode == 0, found.stderr
