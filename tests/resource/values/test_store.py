"""Contents in files without names: kept once, while somebody refers to them, in memory up to a limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pilot_quantum.resource.payload import pack
from pilot_quantum.resource.values.file import Reference, forget, loads
from pilot_quantum.resource.values.store import LARGE, Store

ARRAY = np.arange(LARGE, dtype=np.float64)


def _kept(store: Store, value: object = ARRAY) -> Reference:
    content = store.keep(pack(value, frozen=True))
    assert isinstance(content, Reference)
    return content


def test_another_process_of_this_user_reads_it_where_it_lies() -> None:
    reference = _kept(Store())
    program = f"from pilot_quantum.resource.values.file import loads; print(loads({bytes(reference)!r}).sum())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert float(done.stdout) == ARRAY.sum()


def test_equal_contents_are_kept_once_and_go_with_the_last_reference() -> None:
    store = Store()
    first, second = _kept(store), _kept(store, ARRAY.copy())
    assert first.value is second.value
    size = first.value.size
    assert store.in_memory == size
    value = loads(bytes(first))
    del first
    assert store.in_memory == size
    lost = bytes(second)
    del second
    assert store.in_memory == 0
    np.testing.assert_array_equal(value, ARRAY)  # what is mapped stays for who has mapped it
    forget()
    with pytest.raises(OSError, match="cannot be reached"):
        loads(lost)


def test_a_number_that_another_file_has_now_is_noticed() -> None:
    store = Store()
    lost = bytes(_kept(store))
    other = _kept(store, ARRAY + 1)
    assert bytes(other).split(b":")[1] == lost.split(b":")[1]
    with pytest.raises(OSError, match="does not keep it any more"):
        loads(lost)


def test_beyond_the_limit_contents_lie_on_disk_without_a_name(tmp_path: Path) -> None:
    store = Store(tmp_path, limit=ARRAY.nbytes * 2)
    kept = [_kept(store, ARRAY + one) for one in range(4)]
    assert store.in_memory == kept[0].value.size
    assert [one.value.in_memory for one in kept] == [True, False, False, False]
    assert list(tmp_path.iterdir()) == []
    for number, one in enumerate(kept):
        np.testing.assert_array_equal(loads(bytes(one)), ARRAY + number)


def test_small_contents_and_those_beyond_the_number_of_files_stay_bytes() -> None:
    store = Store(most=1)
    first = _kept(store)
    assert not isinstance(store.keep(pack([1], frozen=True)), Reference)
    second = store.keep(pack(ARRAY + 1, frozen=True))
    assert not isinstance(second, Reference)
    np.testing.assert_array_equal(loads(second), ARRAY + 1)
    del first
    assert isinstance(store.keep(pack(ARRAY + 1, frozen=True)), Reference)


def test_only_this_user_can_open_it() -> None:
    reference = _kept(Store())
    _, number, *_ = bytes(reference)[4:].split(b":")
    assert os.fstat(int(number)).st_mode & 0o777 == 0o600


def test_a_worker_keeps_it_mapped_while_it_has_tasks_at_hand() -> None:
    reference = _kept(Store())
    first, second = loads(bytes(reference)), loads(bytes(reference))
    assert np.shares_memory(first, second)
    forget()
    assert not np.shares_memory(first, loads(bytes(reference)))
    forget()


def test_what_may_be_written_to_is_mapped_for_each() -> None:
    reference = Store().keep(pack(ARRAY, frozen=False))
    first = loads(bytes(reference))
    first[0] = 7
    assert loads(bytes(reference))[0] == 0
