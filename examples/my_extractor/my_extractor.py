"""The colours of a photograph and where they change: an extractor in forty lines, without weights."""

from vfm_zoo.registry import Entry, Exposure, Input, Licence

ENTRIES = [
    Entry(
        name="my_extractor",
        title="Colours and edges",
        family="my_extractor",
        loader=f"{__name__}:load",
        licence=Licence("Apache-2.0", commercial=True, source="no weights; this file"),
        citation="",
        kind="control",
        architecture="averages and differences",
        parameters=0,
        stride=8,
        channels=9,
        tokens="map",
        input=Input(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), multiple_of=8),
        supervision="none",
        training_data="none",
        trained_on={"*": Exposure("not seen", "never trained")},
    )
]


def load(entry, device):
    """From normalised images [batch 3 height width] to tokens [batch 9 row column]."""
    import torch
    from torch.nn import functional

    def tokens(images, view_positions):
        # Differences to the next pixel; the last column and row have none.
        across = functional.pad(images.diff(dim=3), (0, 1)).abs()
        down = functional.pad(images.diff(dim=2), (0, 0, 0, 1)).abs()
        return functional.avg_pool2d(torch.cat((images, across, down), dim=1), entry.stride)

    return tokens
