"""YAML that holds plain values and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import InputError

MAX_BYTES = 4_000_000


def _reader() -> Any:
    """Safe loader whose characters are read by libyaml, if it is there; events become values by the same code."""
    if not yaml.__with_libyaml__:
        return yaml.SafeLoader
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class Reader(yaml.composer.Composer, CParser, yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
        def __init__(self, stream: str):
            CParser.__init__(self, stream)
            yaml.composer.Composer.__init__(self)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return Reader


_Reader = _reader()


class _StrictLoader(_Reader):
    """Safe YAML without aliases (no exponential growth) and without repeated keys (no silent loss)."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key in seen:
                what = "keys must be plain words" if key is None else f"key '{key}' stands twice"
                raise yaml.constructor.ConstructorError(None, None, what, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path, remedy: str) -> dict[str, Any]:
    """Plain values of a YAML file that nobody vouches for.

    Raises
    ------
    InputError
        Naming file and line: too large, no UTF-8, no mapping, tags, aliases, or keys given twice. It ends in ``remedy``
        where the file is YAML of another kind.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes, so no dataset file; check what it is")
        text = path.read_text(encoding="utf-8")
        # SafeConstructor: it builds plain values only, and a tag such as !!python/name is an error.
        values = yaml.load(text, Loader=_StrictLoader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{path}:{line} {problem}; mend that line") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected keys and values, {remedy}")
    return values
