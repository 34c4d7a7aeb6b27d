"""Image files of every kind come out as upright 8-bit RGB, and damaged ones with the file's name."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.errors import InputError
from benchmark.scenes.images import check_decodable, image_size, read_image, read_mask, resize


@pytest.fixture
def picture() -> np.ndarray:
    rows, columns = np.mgrid[0:12, 0:20]
    return np.stack([columns * 12, rows * 20, 255 - columns * 6], axis=-1).astype(np.uint8)


def test_rgb_is_read_as_it_is(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), picture)
    assert image_size(tmp_path / "a.png") == (20, 12)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
def test_exif_rotation_is_applied_to_pixels_and_size(tmp_path, picture, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    expected = upright(picture)
    assert np.array_equal(read_image(tmp_path / "a.png"), expected)
    assert image_size(tmp_path / "a.png") == (expected.shape[1], expected.shape[0])


def test_an_orientation_behind_the_pixels_of_a_png_counts_too(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture).save(tmp_path / "a.png")
    data, body = (tmp_path / "a.png").read_bytes(), exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = len(body).to_bytes(4, "big") + b"eXIf" + body + zlib.crc32(b"eXIf" + body).to_bytes(4, "big")
    end = data.index(b"IEND") - 4
    (tmp_path / "a.png").write_bytes(data[:end] + chunk + data[end:])
    assert image_size(tmp_path / "a.png") == (12, 20)
    assert read_image(tmp_path / "a.png").shape == (20, 12, 3)


def test_grey_is_repeated(tmp_path, picture):
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert np.array_equal(read, np.repeat(picture[..., :1], 3, axis=-1))


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    values = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 1].tolist() == [0, 1, 128, 255]
    assert image_size(tmp_path / "a.png") == (4, 1)


def test_transparent_pixels_show_white(tmp_path):
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 127]]], dtype=np.uint8)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read[0, 0].tolist() == [200, 0, 0]
    assert read[0, 1].tolist() == [255, 255, 255]
    assert np.abs(read[0, 2].astype(int) - 128).max() <= 1


def test_palette_and_grey_with_transparency_are_read(tmp_path, picture):
    Image.fromarray(picture).quantize(16).save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").shape == picture.shape
    Image.fromarray(np.array([[[9, 255], [9, 0]]], np.uint8), "LA").save(tmp_path / "la.png")
    assert read_image(tmp_path / "la.png")[0, :, 0].tolist() == [9, 255]


def test_cmyk_is_converted(tmp_path):
    # No ink is white; full cyan ink takes all red away.
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:, 8:, 0] = 255
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100)
    read = read_image(tmp_path / "a.jpg").astype(int)
    assert read.shape == (16, 16, 3)
    assert read[8, 2].min() > 245
    assert read[8, 13, 0] < 10 < 245 < read[8, 13, 1]


def test_numbers_without_a_known_range_are_refused(tmp_path):
    Image.fromarray(np.full((2, 2), 0.5, np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(InputError, match=r"f\.tif.*floating-point"):
        read_image(tmp_path / "f.tif")
    Image.fromarray(np.full((2, 2), 70000, np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(InputError, match=r"i\.tif.*16 bits"):
        read_image(tmp_path / "i.tif")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".webp"])
def test_a_truncated_image_is_refused_by_name(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    path = tmp_path / f"whole{suffix}"
    Image.fromarray(noise).save(path)
    check_decodable(path.read_bytes(), path)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    for read in (read_image, lambda p: check_decodable(p.read_bytes(), p)):
        with pytest.raises(InputError, match=f"cut.{suffix[1:]}: truncated or not an image; copy it anew"):
            read(cut)


@pytest.mark.parametrize("content", [b"", b"not an image at all", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_a_file_that_is_no_image_is_refused_by_name(tmp_path, content):
    path = tmp_path / "fake.png"
    path.write_bytes(content)
    for read in (read_image, read_mask, image_size, lambda p: check_decodable(p.read_bytes(), p)):
        with pytest.raises(InputError, match=r"fake\.png: truncated or not an image"):
            read(path)


def test_an_absent_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(InputError, match=r"absent\.png: no such image"):
        read_image(tmp_path / "absent.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder\.png: cannot be opened"):
        read_image(tmp_path / "folder.png")


@given(st.binary(max_size=400))
def test_no_bytes_make_the_check_fail_otherwise(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.jpg"
    with pytest.raises(InputError, match="fuzz"):
        check_decodable(data, path)


def test_a_mask_is_what_is_neither_black_nor_transparent(tmp_path):
    pixels = np.array([[[0, 0, 0, 255], [1, 0, 0, 255], [255, 255, 255, 0], [0, 0, 0, 0]]], dtype=np.uint8)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[False, True, False, False]]
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "g.png")
    assert read_mask(tmp_path / "g.png").tolist() == [[False, True]]
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "b.png")
    assert read_mask(tmp_path / "b.png").tolist() == [[False, True]]


def test_resize_keeps_size_range_and_type(picture):
    same = resize(picture, 20, 12)
    assert same.dtype == np.float32
    assert np.array_equal(np.round(same * 255), picture)
    for width, height in ((5, 3), (7, 12), (40, 24), (1, 1)):
        small = resize(picture, width, height)
        assert small.shape == (height, width, 3)
        assert small.dtype == np.float32
        assert 0 <= small.min() <= small.max() <= 1


def test_reduction_does_not_alias():
    # Stripes of one pixel vanish into their mean; picking pixels would keep one of the two values.
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(resize(stripes, 8, 8)[1:-1, 1:-1] - 0.5).max() < 0.02


def test_resize_keeps_the_corners_of_the_image_in_place():
    # A linear ramp sampled at pixel centres stays that ramp: no shift by half a pixel.
    ramp = np.repeat(np.linspace(0, 255, 120)[None, :, None], 40, axis=0).repeat(3, axis=2).astype(np.uint8)
    small = resize(ramp, 30, 10)[5, :, 0]
    expected = ((np.arange(30) + 0.5) * 4 - 0.5) / 119
    assert np.abs(small - expected)[2:-2].max() < 0.004


def test_resize_refuses_an_empty_size(picture):
    with pytest.raises(ValueError, match="at least 1 x 1"):
        resize(picture, 0, 5)
