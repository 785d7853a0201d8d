"""Memory of a container whose members are changed one after the other.

Also the time to look at the metadata of a hundred; run in a process of its own.

python benchmarks/containers.py EXPOSURE COUNT (prints the largest resident size, MB, and the seconds for the metadata)
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from hexcal.datamodels import ModelContainer


def main(exposure, count):
    """Change each of so many members twice; then open a hundred for their metadata only."""
    with tempfile.TemporaryDirectory(dir=Path(exposure).parent) as folder:
        paths = [Path(folder, f"jw{number:05d}_cal.fits") for number in range(max(count, 100))]
        for path in paths:
            os.link(exposure, path)
        container = ModelContainer([str(path) for path in paths[:count]])
        for turn in range(2):
            for model in container.each(changed=["data", "dq"]):
                model.data += 1
                model.dq |= 1 << turn
        container.close()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        begun = time.process_time()
        filters = [model.meta.instrument.filter for model in ModelContainer([str(path) for path in paths]).each()]
        assert len(filters) >= 100
        print(f"{peak:.1f} {time.process_time() - begun:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
