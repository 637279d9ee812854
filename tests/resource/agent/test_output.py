"""What a worker's task prints."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pilot_quantum.resource.agent.output import open_output


def test_a_full_disk_is_an_error_that_names_the_file_and_the_remedy() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    stream = open_output(fd, "DIR/output/local-1-0.out")
    with pytest.raises(OSError, match=r"use another session directory.*local-1-0\.out") as error:
        print("words", file=stream)
    assert error.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="use another"):
        stream.close()
    os.close(fd)


def test_each_line_is_on_disk_when_it_has_been_printed(tmp_path: Path) -> None:
    path = tmp_path / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    with open_output(fd, str(path)) as stream:
        print("one\N{SNOWMAN}", file=stream)
        assert path.read_text(encoding="utf-8") == "one\N{SNOWMAN}\n"
        print("two", end="", file=stream)
    os.close(fd)
    assert path.read_text(encoding="utf-8").endswith("two")
