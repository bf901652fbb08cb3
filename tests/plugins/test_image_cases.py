"""Pictures as people have them: transparent icons, greys of any depth, cameras turned on their side, bombs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from genae.data.examples import File, Split
from genae.data.found import read_file
from genae.data.inspecting import inspect
from genae.data.reading import read_split
from genae.errors import Rejected
from genae_image.decode import LARGE, PIXELS
from genae_image.domain import Image


def read(path, **options):
    return read_file(File(Path(path)), Image(**options)).numpy()


# -- a black digit on nothing (NVIDIA/DIGITS #85) ---------------------------------------------------------------------


def stroke(k):
    """Where a cross is drawn, (32, 32)."""
    where = np.zeros((32, 32), bool)
    where[4 + k : 28 - k, 14:18] = True
    where[14:18, 4 + k : 28 - k] = True
    return where


def icons(folder):
    """18 pictures of black strokes, the rest wholly transparent: RGBA, LA and a palette."""
    folder.mkdir()
    for k in range(6):
        rgba = np.zeros((32, 32, 4), np.uint8)
        rgba[stroke(k), 3] = 255
        Pillow.fromarray(rgba).save(folder / f"rgba{k}.png")
        Pillow.fromarray(np.ascontiguousarray(rgba[..., [0, 3]])).save(folder / f"la{k}.png")
        palette = Pillow.frombytes("P", (32, 32), stroke(k).astype(np.uint8).tobytes())
        palette.putpalette([255, 255, 255, 0, 0, 0] + [0] * 750)
        palette.save(folder / f"pal{k}.png", transparency=0)
    return folder


@pytest.mark.parametrize("kind", ["rgba", "la", "pal"])
@pytest.mark.parametrize("channels", [1, 3])
def test_strokes_stand_out_from_a_white_ground(kind, channels, tmp_path):
    folder = icons(tmp_path / "icons")
    for k in range(6):
        x = read(folder / f"{kind}{k}.png", size=32, channels=channels)
        assert np.array_equal(x, np.where(stroke(k), 0, 255)[None].repeat(channels, 0))


def test_the_background_is_an_option_and_what_it_hides_is_counted(tmp_path):
    folder = icons(tmp_path / "icons")
    assert np.array_equal(read(folder / "la3.png", size=32, background="grey")[0], np.where(stroke(3), 0, 128))
    settings = ["domain.size=32", "domain.background=black"]
    black, white = (inspect(str(folder), "image", chosen)["splits"] for chosen in (settings, settings[:1]))
    assert sum(split["remarks"].get("pictures of one single colour", 0) for split in black.values()) == 18
    assert all(split["remarks"].keys() <= {"with transparency, laid on white"} for split in white.values())
    count = black["train"]["examples"]
    assert f"  used all the same: {count} × pictures of one single colour" in black["train"]["sum"]


def test_arrays_of_one_colour_are_counted_too():
    class Arrays:
        name, domain, about = "mine", "image", ""

        def split(self, name):
            array = np.zeros((5, 28, 28, 4), np.uint8)
            array[0, 3:9, 3:9, 3] = 255
            return Split(array=array)

    assert read_split(Arrays(), "train", Image()).remarks == {"pictures of one single colour": 4}
    assert read_split(Arrays(), "train", Image(background="black")).remarks == {"pictures of one single colour": 5}


# -- greys of any depth (pytorch #20524, Pillow #3011) ----------------------------------------------------------------


def test_sixteen_bits_are_scaled_by_257(tmp_path):
    deep = (np.arange(28 * 28).reshape(28, 28) * 80).astype(np.uint16)
    for name in ("g16.png", "g16.tif"):
        Pillow.fromarray(deep).save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name)[0], np.rint(deep / 257))
    assert np.array_equal(Image().adapt(deep[None])[0, 0].numpy(), np.rint(deep / 257))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.int64, np.float64])
def test_0_to_255_is_the_same_in_any_container(dtype, tmp_path):
    values = (np.arange(28 * 28).reshape(28, 28) % 256).astype(dtype)
    assert np.array_equal(Image().adapt(values[None])[0, 0].numpy(), values)
    if np.dtype(dtype).itemsize <= 4:
        Pillow.fromarray(values).save(tmp_path / "a.tif")
        assert np.array_equal(read(tmp_path / "a.tif")[0], values)


def test_greys_of_32_bits_beyond_255_keep_their_scale(tmp_path):
    values = np.arange(28 * 28).reshape(28, 28).astype(np.int32) * 80
    for factor, name in ((1, "16.tif"), (1 << 15, "31.tif")):
        Pillow.fromarray(values * factor).save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name)[0], np.rint(values / 257))


# -- cameras turned on their side (diffusers #3465) -------------------------------------------------------------------

CORNERS = np.zeros((48, 96, 3), np.uint8)
CORNERS[:24, :48, 0] = CORNERS[:24, 48:, 1] = CORNERS[24:, :48, 2] = 255
CORNERS[24:, 48:] = 255
TURNED = {  # orientation to what is shown
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}  # fmt: skip


@pytest.mark.parametrize("factor", [1, 40], ids=["small", "large"])
@pytest.mark.parametrize("orientation", TURNED)
def test_all_eight_orientations(orientation, factor, tmp_path):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    large = np.kron(CORNERS, np.ones((factor, factor, 1), np.uint8))
    Pillow.fromarray(large).save(tmp_path / "a.jpg", exif=exif, quality=98, subsampling=0)
    x = read(tmp_path / "a.jpg", size=8, channels=3, fit="stretch").transpose(1, 2, 0).astype(int)
    shown = TURNED[orientation](CORNERS)
    height, width = shown.shape[:2]
    wanted = shown[[height // 8, -height // 8]][:, [width // 8, -width // 8]]
    assert np.abs(x[[1, -2]][:, [1, -2]] - wanted).max() <= 12


# -- bombs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I", "I;16", "F", "LA"])
def test_a_large_picture_is_the_mean_of_its_blocks(mode):
    side = 2100  # beyond LARGE
    assert side**2 > LARGE
    values = np.zeros((side, side), np.uint8)
    values[:, : side // 2] = 255
    image = Pillow.fromarray(values)
    if mode in ("I", "I;16"):
        image = Pillow.fromarray(values.astype(np.int32 if mode == "I" else np.uint16) * 257)
    else:
        image = image.convert(mode)
    content = io.BytesIO()
    image.save(content, "TIFF")
    x = read_file(File(Path("a.tif"), content=content.getvalue()), Image())[0]
    assert (x[:, :13] == 255).all()
    assert (x[:, 15:] == 0).all()


def test_a_gif_that_is_as_large_as_a_header_can_say():
    content = bytearray(b"GIF89a" + bytes(7) + b"," + bytes(9) + b"\x02\x00;")
    for at in (6, 18):
        content[at : at + 4] = (65535).to_bytes(2, "little") + (PIXELS // 65535 + 1).to_bytes(2, "little")
    with pytest.raises(Rejected, match="decompression bomb"):
        read_file(File(Path("a.gif"), content=bytes(content)), Image())
