"""Code that nothing in the packages uses, tests aside: `python tests/unused.py`, a line each; status 1 if there is any.

What entry points name is used, and so is what frameworks call by its name.
"""

import sys
import tomllib
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[1]
PACKAGES = ("genae", "plugins", "datasets", "cli")
CALLED = [
    *("forward", "closure", "frame"),  # torch's modules and optimisers, a signal's handler
    *("__getattr__", "__dir__", "pytest_*", "runtest", "reportinfo", "exit_code", "listed", "compress_type"),
    *("home", "licence"),  # of data sets, for people
    *("get_methods", "get_attributes", "log_severity_level"),  # asked by nn~; of onnxruntime
    "unnormalised",  # a protocol's mark
    "seekable",  # of a file, by soundfile
    *("_repr_mimebundle_", "include", "exclude"),  # a notebook's display
    "should_exit",  # of uvicorn's server
    *("set_by", "unlabelled"),  # keys of what is told as JSON
]


def entries() -> list[str]:
    """The names that entry points name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [value.partition(":")[2] for group in project["entry-points"].values() for value in group.values()]


def main() -> int:
    found = Vulture(ignore_names=[*CALLED, *entries()])
    found.scavenge([str(ROOT / package) for package in PACKAGES])
    unused = found.get_unused_code(min_confidence=60)
    for item in unused:
        print(f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno}: {item.message}")
    return bool(unused)


if __name__ == "__main__":
    sys.exit(main())
