"""`splatbench compile`: the kernels' compilation, paid once and not by the first run."""

from __future__ import annotations

import typer

from benchmark.cli.output import cores


def compile_all() -> None:
    """Compile the CPU kernels into the cache on disk, once (about a minute); a run does it by itself otherwise.

    Example: `splatbench compile`
    """
    from benchmark.kernels import compile_kernels

    for part in compile_kernels(cores()):
        typer.echo(f"compiled: {part}")
