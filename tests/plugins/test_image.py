"""The image domain: real bytes of every mode and format in, square uint8 out; networks; presets."""

import contextlib
import io
import math
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from genae.data.examples import File
from genae.data.found import read_file
from genae.errors import GenaeError, Rejected
from genae.learn.build import build
from genae.recipe import recipe
from genae.recipe.parts import instantiate
from genae_image import presets
from genae_image.decode import FORMATS, PIXELS
from genae_image.domain import Image
from genae_image.metrics import bce, mse, psnr
from genae_image.tasks import SuperResolve


def read(domain: Image, file: File) -> torch.Tensor:
    """One picture (C, size, size)."""
    return read_file(file, domain)


def saved(image: Pillow.Image, kind: str, **options) -> File:
    """The image as a file in memory."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return File(Path(f"picture.{kind.lower()}"), content=stream.getvalue())


def blocks(size: int = 28) -> np.ndarray:
    """A grey picture whose halves are 40 and 200, top to bottom, which no JPEG harms much."""
    values = np.full((size, size), 40, np.uint8)
    values[size // 2 :] = 200
    return values


GREY = Image(size=28)
COLOUR = Image(size=28, channels=3)


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG", "PPM", "TGA", "PCX", "JPEG2000", "ICO"])
@pytest.mark.parametrize("domain", [GREY, COLOUR], ids=["grey", "colour"])
def test_reads_every_format(kind, domain):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}, "ICO": {"sizes": [(28, 28)]}}.get(kind, {})
    x = read(domain, saved(Pillow.fromarray(blocks()), kind, **options))
    assert x.shape == domain.event
    assert x.dtype == torch.uint8
    assert (x.int() - torch.from_numpy(blocks()).int()).abs().max() <= (2 if kind == "JPEG" else 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_reads_every_mode(mode):
    values = blocks()
    if mode == "I;16":
        image = Pillow.fromarray(values.astype(np.uint16) * 257)
    elif mode == "I":
        image = Pillow.fromarray(values.astype(np.int32) * 257)
    elif mode == "F":
        image = Pillow.fromarray(values.astype(np.float32) / 255)
    else:
        image = Pillow.fromarray(values).convert(mode, dither=Pillow.Dither.NONE)
    expected = np.where(values > 127, 255, 0) if mode == "1" else values
    for domain in (GREY, COLOUR):
        x = read(domain, saved(image, "TIFF"))
        assert (x.int() - torch.from_numpy(expected).int()).abs().max() <= 1


def test_16_bit_png_keeps_its_scale():
    image = Pillow.fromarray(np.full((28, 28), 65535, np.uint16))
    assert (read(GREY, saved(image, "PNG")) == 255).all()
    dark = Pillow.fromarray(np.full((28, 28), 200, np.uint16))  # of 65535: black, not 200
    assert (read(GREY, saved(dark, "PNG")) == 1).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_composited_on_the_background(mode):
    image = Pillow.new("RGBA", (28, 28), (255, 255, 255, 51)).convert(mode)  # a fifth of white
    assert (read(Image(channels=3, background="black"), saved(image, "PNG")) == 51).all()
    assert (read(COLOUR, saved(image, "PNG")) == 255).all()
    dark = Pillow.new("RGBA", (28, 28), (0, 0, 0, 51)).convert(mode)
    assert (read(COLOUR, saved(dark, "PNG")) == 204).all()
    orange = read(Image(channels=3, background="#ff8000"), saved(dark, "PNG"))
    assert orange[:, 0, 0].tolist() == [204, 102, 0]
    assert (read(Image(background=100), saved(dark, "PNG")) == 80).all()


def test_transparent_palette_colour_is_the_background():
    image = Pillow.new("P", (28, 28), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    with warnings.catch_warnings(record=True) as escaped:
        warnings.simplefilter("always")
        file = saved(image, "PNG", transparency=b"\xff\x00")
        assert (read(COLOUR, file) == 255).all()
        assert (read(Image(channels=3, background="black"), file) == 0).all()
    assert not escaped


def test_colour_becomes_luma_as_pillow_has_it():
    values = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    image = Pillow.fromarray(values)
    assert (read(GREY, saved(image, "PNG"))[0].numpy() == np.asarray(image.convert("L"))).all()
    assert (read(COLOUR, saved(image, "PNG")).numpy() == values.transpose(2, 0, 1)).all()


def test_exif_orientation_turns_the_picture():
    exif = Pillow.Exif()
    exif[0x0112] = 3  # upside down
    x = read(GREY, saved(Pillow.fromarray(blocks()), "PNG", exif=exif))
    assert (x[0].numpy() == blocks()[::-1]).all()


def test_first_frame_of_an_animation():
    frames = [Pillow.new("L", (28, 28), grey) for grey in (90, 180)]
    x = read(GREY, saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (x == 90).all()


def test_large_photograph():
    image = Pillow.fromarray(blocks(1600)).convert("RGB")
    x = read(GREY, saved(image, "JPEG", quality=95))
    assert (x[0, :13] - 40.0).abs().max() <= 3
    assert (x[0, 15:] - 200.0).abs().max() <= 3


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "empty"),
        (b"Dear diary, this is no picture.", "not an image"),
        (saved(Pillow.effect_noise((64, 64), 99), "PNG").content[:900], "damaged"),
        (saved(Pillow.effect_noise((64, 64), 99), "JPEG").content[:900], "damaged"),
        (saved(Pillow.effect_noise((64, 64), 99), "GIF").content[:1500], "damaged"),
        (png(1 << 14, (PIXELS >> 14) + 1), "bomb"),
        (png(1 << 20, 1 << 20), "bomb"),
        (saved(Pillow.fromarray(np.full((28, 28), np.nan, np.float32)), "TIFF").content, "NaN"),
        (saved(Pillow.fromarray(np.full((28, 28), -1, np.float32)), "TIFF").content, "from -1 to -1"),
    ],
)
def test_what_cannot_be_read_is_rejected_in_one_line(content, reason):
    with warnings.catch_warnings(record=True) as escaped:
        warnings.simplefilter("always")
        with pytest.raises(Rejected, match=reason) as error:
            read(GREY, File(Path("holiday/seven.png"), content=content))
    assert not escaped
    assert "holiday/seven.png" in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(Rejected, match="no such file"):
        read(GREY, File(tmp_path / "gone.png"))


@pytest.mark.parametrize("cut", range(0, 800, 37))
def test_damaged_bytes_never_escape(cut):
    content = bytearray(saved(Pillow.effect_noise((20, 20), 99).convert("P"), "PNG").content)
    content[cut : cut + 8] = b"\xff" * 8
    with contextlib.suppress(Rejected):
        assert read(GREY, File(Path("x.png"), content=bytes(content))).shape == (1, 28, 28)


def test_threads_leave_the_warning_filters_as_they_were():
    before = warnings.filters[:]
    image = Pillow.new("P", (8, 8))
    file = saved(image, "PNG", transparency=b"\x80")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(GREY.read, [file] * 64))
    assert len(found) == 64
    assert warnings.filters == before


# -- sizes ------------------------------------------------------------------------------------------------------------


def test_crop_keeps_the_centre():
    values = np.zeros((28, 56), np.uint8)
    values[:, 14:42] = 255
    assert (Image(fit="crop").adapt(values[None]) == 255).all()


def test_pad_adds_black_bars():
    x = Image(fit="pad").adapt(np.full((1, 28, 56), 255, np.uint8))[0, 0]
    assert (x[:7] == 0).all()
    assert (x[7:21] == 255).all()
    assert (x[21:] == 0).all()


def test_stretch_uses_everything():
    values = np.zeros((28, 56), np.uint8)
    values[:, 28:] = 255
    x = Image(fit="stretch").adapt(values[None])[0, 0]
    assert (x[:, :13] == 0).all()
    assert (x[:, 15:] == 255).all()


def test_refuse_names_both_sizes():
    with pytest.raises(Rejected, match=r"picture\.png: is 32x20 pixels, this model's images are 28x28"):
        read(Image(fit="refuse"), saved(Pillow.new("L", (32, 20)), "PNG"))
    with pytest.raises(GenaeError, match="is 32x20 pixels"):
        Image(fit="refuse").adapt(np.zeros((5, 20, 32), np.uint8))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5), (100, 40)])
def test_any_size_of_one_grey_stays_that_grey(fit, shape):
    x = Image(fit=fit).adapt(np.full((2, *shape), 99, np.uint8))
    assert x.shape == (2, 1, 28, 28)
    assert set(x.unique().tolist()) <= ({0, 99} if fit == "pad" else {99})


# -- data sets --------------------------------------------------------------------------------------------------------


def test_adapt_takes_what_fits_as_it_is():
    values = np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8)
    x = GREY.adapt(values)
    assert x.data_ptr() == values.ctypes.data  # not even copied
    assert (GREY.adapt(np.frombuffer(values.tobytes(), np.uint8).reshape(100, 28, 28)) == x).all()  # read-only memory
    colour = np.random.default_rng(0).integers(0, 256, (10, 28, 28, 3), dtype=np.uint8)
    assert (COLOUR.adapt(colour).numpy() == colour.transpose(0, 3, 1, 2)).all()


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.full((2, 28, 28), 0.2), 51),
        (np.full((2, 28, 28), 51.0, np.float32), 51),
        (np.full((2, 28, 28), True), 255),
        (np.full((2, 28, 28), 51, np.int64), 51),
        (np.full((2, 28, 28), 51 * 257, np.uint16), 51),
        (np.full((2, 28, 28), 51 * 257, ">u2"), 51),
        (np.full((2, 28, 28, 1), 51, np.uint8), 51),
        (np.full((2, 28, 28, 2), 128, np.uint8), 191),  # half of 128 on white
    ],
)
def test_adapt_scales_every_depth(values, expected):
    assert (GREY.adapt(values) == expected).all()


@pytest.mark.parametrize(
    "values, reason",
    [
        (np.full((2, 28, 28), np.nan), "NaN"),
        (np.full((2, 28, 28), np.inf), "infinite"),
        (np.full((2, 28, 28), -3), "from -3 to -3"),
        (np.full((2, 28, 28), 1e6), "from 1e"),
        (np.zeros((28, 28), np.uint8), "shape"),
        (np.zeros((2, 3, 28, 28), np.uint8), "shape"),
        (np.zeros((2, 0, 28), np.uint8), "shape"),
        (np.full((2, 28, 28), "7"), "numbers"),
    ],
)
def test_adapt_refuses(values, reason):
    with pytest.raises(GenaeError, match=reason):
        GREY.adapt(values)


def test_adapt_of_nothing():
    assert GREY.adapt(np.zeros((0, 28, 28), np.uint8)).shape == (0, 1, 28, 28)


# -- events -----------------------------------------------------------------------------------------------------------


def test_binarised_pixels_are_one_as_often_as_they_are_grey():
    domain = Image(binarise=True)
    stored = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 300, 300)
    for stage in ("train", "score"):
        torch.manual_seed(0)
        x = domain.prepare(stored, stage)
        assert set(x.unique().tolist()) == {0.0, 1.0}
        share = x.mean((1, 2, 3))
        assert share[0] == 0
        assert share[2] == 1
        assert abs(float(share[1]) - 0.2) < 5 * math.sqrt(0.2 * 0.8 / 90_000)
    assert torch.equal(domain.prepare(stored, "show"), stored / 255)


def test_prepare_picture_write_and_read_are_one_round_trip(tmp_path):
    for domain in (GREY, COLOUR):
        stored = torch.randint(0, 256, domain.event, dtype=torch.uint8)
        event = domain.prepare(stored[None], "train")[0]
        domain.write(event, tmp_path / "x.png")
        assert torch.equal(read(domain, File(tmp_path / "x.png")), stored)
        assert domain.picture(event).shape == ((28, 28) if domain is GREY else (28, 28, 3))


@pytest.mark.parametrize(
    "mode, shape, fit, told",
    [
        ("RGB", (40, 40), "crop", []),
        ("RGB", (40, 30), "crop", ["not square, cropped to their middle"]),
        ("RGB", (40, 20), "pad", ["not square, with black bars"]),
        ("RGB", (20, 20), "crop", ["smaller than 28 pixels, enlarged"]),
        ("RGB", (40, 20), "stretch", ["not square, stretched", "smaller than 28 pixels, enlarged"]),
        ("RGBA", (40, 40), "crop", ["with transparency, laid on white"]),
        ("LA", (28, 28), "refuse", ["with transparency, laid on white"]),
    ],
)
def test_what_is_done_to_a_picture_is_told(mode, shape, fit, told):
    image = Pillow.new(mode, shape, 0)
    assert list(Image(fit=fit).read(saved(image, "PNG")).remarks) == told
    if mode == "RGBA":
        image.putalpha(255)
        assert not Image(fit=fit).read(saved(image, "PNG")).remarks


def test_picture_clips_and_bears_nan():
    event = torch.tensor([[[-1.0, 2.0, float("nan"), 0.5]]])
    assert GREY.picture(event).tolist() == [[0, 255, 0, 128]]


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"size": 0}, "at least 1, not 0"),
        ({"channels": 2}, "one of 1, 3, not 2"),
        ({"fit": "zoom"}, "crop, pad"),
        ({"background": "sky"}, "white, black, a grey from 0 to 255, or a colour .*not 'sky'"),
        ({"background": 256}, "not 256"),
    ],
)
def test_options_are_checked(options, reason):
    with pytest.raises(GenaeError, match=rf"domain\.{next(iter(options))} must be .*{reason}"):
        instantiate("domain", {"name": "image", **options})


def test_suffixes():
    assert Image.suffixes[0] == ".png"
    assert all(s == s.lower() and s.startswith(".") for s in Image.suffixes)
    assert "EPS" not in FORMATS.values()  # would start Ghostscript


# -- tasks and metrics ------------------------------------------------------------------------------------------------


def test_super_resolution_input():
    target = torch.arange(16.0).view(1, 1, 4, 4)
    assert SuperResolve(2)(target)[0, 0].tolist() == [
        [2.5, 2.5, 4.5, 4.5], [2.5, 2.5, 4.5, 4.5], [10.5, 10.5, 12.5, 12.5], [10.5, 10.5, 12.5, 12.5]
    ]  # fmt: skip
    with pytest.raises(GenaeError, match="possible: 2, 4, 7, 14, 28"):
        SuperResolve(3)(torch.zeros(1, 1, 28, 28))
    with pytest.raises(GenaeError, match=r"task\.factor must be at least 2, not 1"):
        instantiate("task", {"name": "super-resolve", "factor": 1}, domain=Image())


def test_metrics():
    target, output = torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.1)
    assert mse(target, output) == pytest.approx(0.01)
    assert psnr(target, output) == pytest.approx(20)
    assert psnr(target, target) == pytest.approx(100)
    assert bce(target, output) == pytest.approx(-math.log(0.9), rel=1e-5)
    assert bce(target, torch.ones_like(target)) == pytest.approx(-math.log(1e-7), rel=0.02)  # clamped, not infinite


# -- presets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist", "mnist-2d", "mnist-mlp", "image-32", "image-64", "image-128"])
def test_presets_build_and_score(name):
    made = recipe.compose(name)
    built = build(made)
    stored = torch.randint(0, 256, (2, *built.domain.event), dtype=torch.uint8)
    x = built.domain.prepare(stored, "score")
    with torch.no_grad():
        z = built.vae.encode(x)
        score = built.vae.decode(z).log_prob(x)
    assert z.shape == (2, made.latent)
    assert score.isfinite().all()


def test_presets_are_what_they_say():
    settings = {name: recipe.compose(name) for name in ("mnist", "mnist-2d", "mnist-mlp", "image-32", "image-64", "image-128")}
    assert settings["mnist-2d"].latent == 2
    assert settings["mnist-mlp"].network["hidden"] == [400]
    assert settings["mnist-mlp"].latent == 40
    assert all(settings[name].domain["binarise"] for name in ("mnist", "mnist-2d", "mnist-mlp"))
    for name, size in {"image-32": 32, "image-64": 64, "image-128": 128}.items():
        assert settings[name].domain == {
            "name": "image",
            "size": size,
            "channels": 3,
            "fit": "crop",
            "background": "white",
            "binarise": False,
        }
        assert settings[name].data == ""
    assert "parent" not in presets.mnist
