"""Write the shipped circuits again: python examples/write_circuits.py [DIRECTORY]."""

from __future__ import annotations

import sys
from pathlib import Path

from pilot_quantum.circuit.demo_set import DEMO_SET, content


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for entry in DEMO_SET:
        (directory / entry.file).write_bytes(content(entry))
    print(f"{len(DEMO_SET)} files in {directory}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "circuits")
