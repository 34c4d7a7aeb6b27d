"""The quirks of the published code, by number, and the mark that a value which mends or keeps one carries.

The numbers are this project's own ledger of what the public code of Feat2GS (commit 0930a18) does and its paper does not
say. A field that decides whether a quirk is kept says so where it is defined (`quirk`), so tables are made from there.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Quirk:
    """One thing that the published code does.

    Attributes
    ----------
    published
        What it does, and what that does to a number.
    here
        What is done instead, and whether `paper` keeps the quirk.
    """

    published: str
    here: str


QUIRKS: dict[str, Quirk] = {
    "Q1": Quirk("test cameras move by R c + s t, not s R c + t", "kept by `paper`, mended elsewhere"),
    "Q2": Quirk("the readout is as wide as its input: raw colour gets 245 weights, a model 265,995", "kept by `paper`"),
    "Q3": Quirk(
        "masks are multiplied into pictures and means taken over the frame; masks are JPEGs", "kept by `paper`"
    ),
    "Q4": Quirk("no seeds, one run", "always seeded, PCA exact; `strict` and `lite` repeat three times"),
    "Q5": Quirk(
        "reconstruction repeated for every model; test poses from whichever came first", "once a scene, always"
    ),
    "Q6": Quirk("PCA is not scaled, so a model's scale mixes with what it knows", "kept by `paper`"),
    "Q7": Quirk("padding adds a token that is not cropped: the grid is off by 1 to 4 %", "never: images are stretched"),
    "Q8": Quirk("portrait photographs are cropped for VGGT alone", "never: one rule for every model"),
    "Q9": Quirk(
        "layers, norms and input statistics differ without a reason", "`paper` takes the paper's, else the model's"
    ),
    "Q10": Quirk("combinations that begin with raw colour skip a PCA, so order counts", "kept by `paper`"),
    "Q11": Quirk(
        "the `+` rows use a smaller network than the rows beside them",
        "never: `NAME_featup` stands beside `NAME`, the same network",
    ),
    "Q12": Quirk("fx and fy share one factor though stretching gave each its own", "kept by `paper`"),
    "Q13": Quirk("LPIPS is fed [0, 1] instead of [-1, 1]", "both are always measured: `lpips_3dgs` and `lpips`"),
    "Q14": Quirk("views of one size, two views at least, else a late crash", "checked first, said in one line"),
    "Q15": Quirk("the free baseline runs at ten times the rates", "both: `instantsplat` and `instantsplat_matched`"),
    "Q16": Quirk(
        "Spearman over 11 rows, one of them an outlier, without an interval", "intervals, n, with and without it"
    ),
    "Q17": Quirk("nothing holds the poses; cameras that a step does not see drift", "kept by `paper`"),
    "Q18": Quirk("settings saved as code and evaluated; shell commands from strings", "never: JSON and plain values"),
}


def quirk(number: str, default: Any = MISSING) -> Any:
    """A field of a protocol whose value keeps or mends the quirk called ``number``."""
    if number not in QUIRKS:
        raise KeyError(f"quirk '{number}' is not in the ledger")
    return field(default=default, metadata={"quirk": number})


def quirk_of(part: Field[Any]) -> str:
    """The number that a field carries, or an empty string."""
    return part.metadata.get("quirk", "")
