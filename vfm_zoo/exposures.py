"""What is known of whole kinds of training data against the seven datasets of the benchmark.

``not seen`` needs a closed list of training data without the dataset. `SEVEN` are the names of ``datasets/``.
"""

from __future__ import annotations

from vfm_zoo.entry import Exposure

SEVEN = ("llff", "dtu", "dl3dv", "casual", "mipnerf360", "mvimgnet", "tanks_and_temples")

# The authors of Feat2GS took these photographs themselves; the paper appeared in December 2024.
BEFORE_CASUAL = Exposure("not seen", "released before the photographs of this dataset were (December 2024)")

MEGADEPTH = Exposure(
    "unknown",
    "trained on MegaDepth, whose archive holds the Tanks and Temples scenes (download notes of "
    "facebookresearch/map-anything); whether the pair list that was used has them is not known",
)


def closed(data: str, source: str) -> dict[str, Exposure]:
    """Trained on named sets alone, none of them one of the seven."""
    return {"*": Exposure("not seen", f"{data} ({source})")}


def crawled(data: str, before_casual: bool = True) -> dict[str, Exposure]:
    """Trained on images of the web, or on data that is not published: nobody can say."""
    marks = {"*": Exposure("unknown", data)}
    return {**marks, "casual": BEFORE_CASUAL} if before_casual else marks
