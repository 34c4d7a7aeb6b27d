"""Print the oldest versions that `pyproject.toml` allows, as constraints for pip.

``python tests/oldest.py [KEEP ...]`` leaves the packages named after it open, such as a PyTorch that is there already.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

EXTRAS = ("lpips", "upsample", "video", "dev", "docs", "remote")


def main(keep: list[str]) -> None:
    """Print a line a package that has a lower bound."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(line for extra in EXTRAS for line in extras.get(extra, ()))]
    for requirement in map(Requirement, asked):
        oldest = [one.version for one in requirement.specifier if one.operator == ">="]
        if oldest and requirement.name not in keep:
            sys.stdout.write(f"{requirement.name}=={oldest[0]}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
