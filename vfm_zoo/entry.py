"""`Entry`: all that is known of a model before it is loaded. Plain values, no torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
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
        ``pypi``: a file inside an installed distribution. ``hub``: a file of a repository on the Hugging Face hub.
        ``web``: a file that its authors offer for download.
    id
        Name of the distribution or the repository; for ``web`` the address.
    file
        Its path inside the distribution or the repository; for ``web`` the name under which it is kept.
    revision
        Version or commit in which the file was looked at; None where none is known.
    sha256
        Of the file; another file is refused. None where no public source states it: then the user has to pin it
        (`vfm_zoo.pins`), and nothing is loaded before.
    more
        Further files of the same place that the network needs, each with its SHA-256.
    note
        What else is to be known: why a digest is absent, where a digest was read.
    """

    source: Literal["pypi", "hub", "web"]
    id: str
    file: str
    revision: str | None = None
    sha256: str | None = None
    more: tuple[tuple[str, str | None], ...] = ()
    note: str = ""

    @property
    def files(self) -> tuple[tuple[str, str | None], ...]:
        """Every file with its SHA-256, the first first."""
        return ((self.file, self.sha256), *self.more)

    @property
    def digest(self) -> str | None:
        """Of all bytes: the file's own, or that of the digests of several; None while one is not known."""
        digests = [sha256 for _, sha256 in self.files]
        if None in digests:
            return None
        return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(map(str, digests)).encode()).hexdigest()

    @property
    def page(self) -> str:
        """Where a person finds the file, its digest and its licence."""
        if self.source == "hub":
            return f"https://huggingface.co/{self.id}"
        return f"https://pypi.org/project/{self.id}" if self.source == "pypi" else self.id


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
    native_side
        Side in pixels of the images that the network was trained with last, where there is one; not enforced.
    side
        Every image is stretched to a square of this side, whatever the protocol says; None leaves it to the protocol.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    multiple_of: int = 1
    native_side: int | None = None
    side: int | None = None


@dataclass(frozen=True)
class Choice:
    """What is taken from a model and what it is fed, where a paper and the model's authors differ (quirk Q9).

    Attributes
    ----------
    layer, norm, input, channels, whole_scene, options
        As in `Entry`; None keeps what the entry has. ``options`` are laid over the entry's.
    source
        Where this was read.
    """

    source: str
    layer: Layer = None
    norm: bool | None = None
    input: Input | None = None
    channels: int | None = None
    whole_scene: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Exposure:
    """Whether a model has been trained on a dataset, and where that was read.

    ``not seen`` needs a closed list of training data without it; a crawl of the web is ``unknown``.
    """

    state: Literal["seen", "not seen", "unknown"]
    source: str = ""


# After an entry's name: its untrained twin.
UNTRAINED = "_random"


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is known of any model of the zoo: extractors (`Entry`) and autoencoders.

    Attributes
    ----------
    name
        Lower case: ``family_size[patch][_flavour]``; no two models of any kind share one.
    title
        For people.
    family
        Models of a family share a loader and a paper.
    loader
        ``"module:function"``, resolved on first use. The function takes the card and a device; what it returns, the
        kind of model says.
    options
        Plain values that the loader reads.
    weights
        None where there are none.
    kind
        ``learned``; ``control`` (what a model without learning gives); ``raw`` (the photograph itself: extracted at
        the size that is fitted, no PCA).
    architecture, parameters
        Of the network without its head.
    channels
        Of a token, or of a latent.
    short
        Arguments that make another network short for the same end (`untaught`).
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
    hardware
        What it needs beside a CPU and its weights in memory, in words.
    aliases
        Other names by which it is found.
    version
        Rises when a number could change.
    superseded_by
        Name of the model that is better used instead.
    code_sha256
        Of the file that the card was read from, if it is no installed code: an edited file is another model.
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
    channels: int
    supervision: str
    training_data: Literal["2-D", "2.5-D", "3-D", "none"]
    version: int = 1
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    short: Mapping[str, Any] = field(default_factory=dict, hash=False)
    weights: Weights | None = None
    trained_on: Mapping[str, Exposure] = field(default_factory=dict, hash=False)
    extra: str = ""
    hardware: str = ""
    aliases: tuple[str, ...] = ()
    superseded_by: str | None = None
    code_sha256: str = ""

    def __post_init__(self) -> None:
        self._require(
            isinstance(self.name, str) and NAME.fullmatch(self.name), "name", "lower case letters, digits, _.+-"
        )
        self._require(LOADER.fullmatch(self.loader), "loader", "'module:function'")
        self._require(self.kind in ("learned", "control", "raw"), "kind", "learned, control or raw")
        for number in ("channels", "version"):
            self._require(getattr(self, number) >= 1, number, "at least 1")
        digests = () if self.weights is None else (sha256 for _, sha256 in self.weights.files if sha256 is not None)
        self._require(all(SHA256.fullmatch(digest) for digest in digests), "weights", "a SHA-256 in hex")
        self._require(all(NAME.fullmatch(alias) for alias in self.aliases), "aliases", "lower case names")
        try:
            json.dumps(dict(self.options), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ZooError(f"entry '{self.name}': options must be plain values: {error}") from None

    def _require(self, condition: object, what: str, expected: str) -> None:
        if not condition:
            raise ZooError(f"entry {self.name!r}: {what} must be {expected}, got {getattr(self, what)!r:.120}")

    @property
    def weights_digest(self) -> str | None:
        """SHA-256 of the weights; None where there are none, or where it is not known."""
        return None if self.weights is None else self.weights.digest

    def decisive(self) -> dict[str, Any]:
        """Plain values that decide the model's numbers; no path, no word of its card."""
        return {
            "name": self.name,
            "version": self.version,
            "kind": self.kind,
            "options": dict(self.options),
            "channels": self.channels,
            "weights": self.weights_digest,
            "code": self.code_sha256,
        }

    def digest(self) -> str:
        """SHA-256, in hex, of what decides the model's numbers."""
        text = json.dumps(self.decisive(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def exposure(self, dataset: str) -> Exposure:
        """Whether the model was trained on a dataset; what is not stated is ``unknown``."""
        return self.trained_on.get(dataset, self.trained_on.get("*", Exposure("unknown")))


@dataclass(frozen=True, kw_only=True)
class Entry(Model):
    """One variant of an extractor, as data.

    The loader returns a callable (most often a `torch.nn.Module`) from normalised images ``[batch 3 height width]`` and
    view positions ``[batch]`` to tokens ``[batch channel row column]``.

    Attributes
    ----------
    stride
        Pixels of the input a token; the patch size of a transformer. The grid covers the image exactly.
    layer
        Block or stage whose output is taken, in the network's own count; several are joined.
    norm
        Whether the network's final normalisation is applied to it.
    choices
        ``paper``: what the paper of this benchmark takes, where it is not what the entry says by itself, which is what
        the model's authors recommend. See `chosen`.
    blocks
        Of a transformer whose depth its loader can change, which lets the contract run on a short one; else None.
    precision
        In which the network computes; weights stay float32.
    whole_scene
        Whether all views of a scene have to pass through the network in one batch.
    tokens
        ``patch`` (tokens of a transformer), ``map`` (of a convolutional network), ``pixel``.
    """

    stride: int
    tokens: Literal["patch", "map", "pixel"]
    input: Input = Input()
    layer: Layer = None
    norm: bool = False
    choices: Mapping[str, Choice] = field(default_factory=dict, hash=False)
    blocks: int | None = None
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    whole_scene: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.tokens in ("patch", "map", "pixel"), "tokens", "patch, map or pixel")
        self._require(self.stride >= 1, "stride", "at least 1")
        # Else the last tokens would reach beyond the image, and the grid would not lie where it is taken to lie.
        aligned = self.input.multiple_of >= 1 and self.input.multiple_of % self.stride == 0
        self._require(aligned, "input", f"a multiple_of that is a multiple of the stride {self.stride}")
        self._require(all(value > 0 for value in self.input.std), "input", "a positive std")
        square = self.input.side is None or (self.input.side > 0 and self.input.side % self.input.multiple_of == 0)
        self._require(square, "input", f"a side that is a multiple of {self.input.multiple_of}")
        self._require(set(self.choices) <= {"paper", "recommended"}, "choices", "'paper' or 'recommended'")
        self._require(self.precision in ("float32", "bfloat16", "float16"), "precision", "float32, bfloat16 or float16")

    def decisive(self) -> dict[str, Any]:
        """As `Model.decisive`, with what is asked of the network and what it is fed."""
        fed = asdict(self.input)
        del fed["native_side"]
        if fed["side"] is None:
            # So that what was computed before it existed keeps its key.
            del fed["side"]
        return {
            **super().decisive(),
            "input": fed,
            "layer": self.layer,
            "stride": self.stride,
            # Only where they say something, so that what was computed before they existed keeps its key.
            **({"norm": True} if self.norm else {}),
            **({"precision": self.precision} if self.precision != "float32" else {}),
            **({"whole_scene": True} if self.whole_scene else {}),
        }

    def chosen(self, choice: str) -> Entry:
        """The entry as the paper takes it (``paper``) or as its authors do (``recommended``: as it is).

        Raises
        ------
        ZooError
            For another word.
        """
        if choice not in ("paper", "recommended"):
            raise ZooError(f"entry '{self.name}': the choice must be 'paper' or 'recommended', got {choice!r:.120}")
        taken = self.choices.get(choice)
        if taken is None:
            return self
        fields = ("layer", "norm", "input", "channels", "whole_scene")
        given = {name: getattr(taken, name) for name in fields if getattr(taken, name) is not None}
        return replace(self, options={**self.options, **taken.options}, **given)

    def untrained_twin(self) -> Entry:
        """The control ``<name>_random``: the same network, whole, with weights drawn from a seed.

        What it scores is due to the architecture and to chance; what the entry scores beyond it, to training.

        Raises
        ------
        ZooError
            For an entry that has no weights.
        """
        if self.weights is None:
            raise ZooError(f"entry '{self.name}' has no weights, so it has no untrained twin")
        return replace(
            self,
            name=f"{self.name}{UNTRAINED}",
            title=f"{self.title}, random weights",
            kind="control",
            options={**self.options, "seed": 0},
            weights=None,
            supervision="none",
            training_data="none",
            trained_on={"*": Exposure("not seen", "never trained")},
            aliases=(),
            superseded_by=None,
        )

    def untaught(self) -> Entry:
        """The same card with weights drawn from a seed, and two blocks where the depth can be changed.

        What can be said of a network without its weights is said of this one: shapes, sizes, determinism.
        """
        if self.weights is None:
            return self
        options = {**self.options, "seed": 0}
        layer = self.layer
        if self.blocks is not None:
            options["depth"] = 2
            if isinstance(layer, int):
                layer = max(0, layer - (self.blocks - 2))
        if self.short:
            options["network"] = {**options.get("network", {}), **self.short}
        return replace(self, weights=None, options=options, layer=layer)
