"""Photographs from files, whatever their kind, as 8-bit sRGB; and their resizing."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image, ImageOps

from benchmark.errors import InputError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm"})

# All that Pillow is seen to raise for damaged files of the formats above.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

WHITE = (255, 255, 255, 255)


def list_images(folder: Path) -> list[Path]:
    """Image files of a folder, known by their suffix, sorted by name; `InputError` if there are none."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES] if folder.is_dir() else []
    # A file that begins with a dot is another program's (macOS leaves ._IMG_1.JPG beside IMG_1.JPG).
    paths = sorted(path for path in found if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise InputError(f"{folder}: no images; put the photographs there ({', '.join(sorted(SUFFIXES))})")
    return paths


def read_image(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Pixels of a photograph as sRGB in [0, 255].

    EXIF rotation is applied. Sixteen bits are scaled to eight, grey is repeated, CMYK is converted, and what is
    transparent shows white, as in the synthetic scenes of NeRF.

    Raises
    ------
    InputError
        Naming the file, if it is absent, truncated, too large or no image, or holds numbers without a known range.
    """
    with _open(path) as image:
        return _as_rgb(image, path)


def read_mask(path: Path) -> Bool[np.ndarray, "height width"]:
    """True where any channel is non-zero and the pixel is not wholly transparent; EXIF rotation is applied."""
    with _open(path) as image:
        if image.has_transparency_data:
            pixels = np.asarray(image.convert("RGBA"))
            return pixels[..., :3].any(axis=-1) & (pixels[..., 3] > 0)
        return np.asarray(_as_rgb(image, path).any(axis=-1))


def image_size(path: Path) -> tuple[int, int]:
    """``(width, height)`` after EXIF rotation, from the header alone."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            if image.format == "PNG" and not _png_may_turn(path):
                return width, height
            # 5 to 8 are the EXIF orientations that exchange the sides.
            return (height, width) if image.getexif().get(0x0112, 1) >= 5 else (width, height)
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def _png_may_turn(path: Path) -> bool:
    """Whether a PNG holds a chunk that may state an orientation; it may stand after the pixels, so Pillow decodes all."""
    with path.open("rb") as stream:
        stream.seek(8)
        while len(header := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
                return True
            stream.seek(length + 4, 1)
    return False


def check_decodable(data: bytes, path: Path) -> None:
    """`InputError` naming ``path`` if ``data``, its content, cannot be decoded to the end; cheaper than reading it."""
    try:
        with Image.open(BytesIO(data)) as image:
            if image.format == "PNG":
                image.verify()
            else:
                # A JPEG decoded at an eighth of its size still reads the whole stream.
                image.draft("RGB", (1, 1))
                image.load()
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def resize(
    image: UInt8[np.ndarray, "height width 3"], width: int, height: int
) -> Float32[np.ndarray, "new_height new_width 3"]:
    """The image stretched to ``width`` x ``height``, in [0, 1].

    A Lanczos filter as wide as the reduction asks, in floating point, so that nothing aliases and nothing is rounded;
    its overshoot is clipped. The corners of the image stay its corners (`Camera.resized` does the same).
    """
    if width < 1 or height < 1:
        raise ValueError(f"size: expected at least 1 x 1, got {width} x {height}")
    channels = image.astype(np.float32) / 255.0
    if (height, width) == image.shape[:2]:
        return channels
    resized = [
        Image.fromarray(np.ascontiguousarray(channels[..., c])).resize((width, height), Image.Resampling.LANCZOS)
        for c in range(3)
    ]
    return np.clip(np.stack([np.asarray(channel) for channel in resized], axis=-1), 0.0, 1.0)


def _open(path: Path) -> Image.Image:
    """The image decoded and turned upright."""
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def _as_rgb(image: Image.Image, path: Path) -> UInt8[np.ndarray, "height width 3"]:
    if image.mode == "F":
        raise InputError(f"{path}: its pixels are floating-point numbers of unknown range; save it as 8 or 16-bit RGB")
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise InputError(f"{path}: its pixels need more than 16 bits; save it as 8 or 16-bit RGB")
        # 65535 / 255 = 257, so that white stays white.
        return np.repeat(((grey + 128) // 257).astype(np.uint8)[..., None], 3, axis=-1)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, WHITE), layer)
    return np.array(image.convert("RGB"))


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such image; put the file there or take it out of the split")
    if isinstance(error, Image.DecompressionBombError):
        return InputError(f"{path}: larger than any photograph we decode; scale it down first")
    if isinstance(error, PermissionError | IsADirectoryError):
        return InputError(f"{path}: cannot be opened ({error.strerror}); make it a readable image file")
    return InputError(f"{path}: truncated or not an image; copy it anew from where it came, or remove it")
