"""Commands that the documentation tells a reader to type."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"),
        ROOT / "results/README.md",
        ROOT / "datasets/README.md",
    ]
)
# Fences of other languages are files, not commands.
BLOCK = re.compile(r"^[ ]*```(?:console|bash|sh)?\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
# In running text: a command, not a mere name of one.
INLINE = re.compile(r"`((?:splatbench|make) [a-z][^`…]*)`")
PROGRAMS = ("splatbench", "make", "git", "pip", "python", "cd", "sbatch", "srun", "kubectl", "ray")


@dataclass(frozen=True)
class Command:
    """One line, without the folder of the virtual environment and without its comment."""

    page: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is typed."""
        return shlex.join(self.words)


def commands() -> list[Command]:
    """All of them, each once a page; a block whose first word is no program is output or a file."""
    found: dict[Command, None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
        for line in [*lines, *INLINE.findall(text)]:
            for command in _words(line):
                found[Command(page.relative_to(ROOT).as_posix(), command)] = None
    return list(found)


def _words(line: str) -> list[tuple[str, ...]]:
    stripped = line.strip().removeprefix("$ ")
    if not stripped.split(" ", 1)[0].rpartition("/")[2].startswith(PROGRAMS):
        return []
    parts = [shlex.split(part, comments=True) for part in stripped.split("&&")]
    return [(words[0].rpartition("/")[2], *words[1:]) for words in parts if words]
