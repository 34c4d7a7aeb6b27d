"""Every number of the method, in one place: `paper`, `strict`, `lite` and their variations as frozen values.

A difference between protocols is a value here, never an ``if protocol == ...`` in the code. The digest of these values
is part of every key, so a changed number never reuses an old result. `scenes` holds what both tracks share.
"""

from typing import Literal, overload

from benchmark.protocols.feat2gs import (
    CAPACITY_LAYERS,
    CAPACITY_WIDTHS,
    LITE,
    PAPER,
    PROTOCOLS,
    STRICT,
    Concatenate,
    Evaluate,
    JointFit,
    Protocol,
    Rates,
    Readout,
    Reduce,
    Start,
    TestPoses,
    WarmStart,
    get_feature_protocol,
)
from benchmark.protocols.lrf import LATENT_PROTOCOLS, LatentProtocol, get_latent_protocol
from benchmark.protocols.scenes import Images, Reconstruct, Stereo

__all__ = [
    "CAPACITY_LAYERS",
    "CAPACITY_WIDTHS",
    "LATENT_PROTOCOLS",
    "LITE",
    "PAPER",
    "PROTOCOLS",
    "STRICT",
    "Concatenate",
    "Evaluate",
    "Images",
    "JointFit",
    "LatentProtocol",
    "Protocol",
    "Rates",
    "Readout",
    "Reconstruct",
    "Reduce",
    "Start",
    "Stereo",
    "TestPoses",
    "Track",
    "WarmStart",
    "get_protocol",
]

Track = Literal["feat2gs", "lrf"]


@overload
def get_protocol(name: str, track: Literal["feat2gs"] = "feat2gs") -> Protocol: ...
@overload
def get_protocol(name: str, track: Literal["lrf"]) -> LatentProtocol: ...
def get_protocol(name: str, track: Track = "feat2gs") -> Protocol | LatentProtocol:
    """The protocol of a track called ``name``; an unknown name answers with the nearest ones."""
    return get_latent_protocol(name) if track == "lrf" else get_feature_protocol(name)
