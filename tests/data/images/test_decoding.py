"""Kind 3: pixels mean what they meant."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from hpo.data.images.decoding import Taken, Want
from hpo.data.images.importing import Options, import_images
from hpo.data.images.taking import take_image
from hpo.errors import DataError
from tests.data.images.made import chunk, encoded, folder_of, image, pixels, png, refusal, shades, two_classes


def patch(content: bytes, want: Want | None = None) -> np.ndarray:
    taken = take_image(lambda: content, want or Want(8))
    assert isinstance(taken, Taken), taken
    return taken.patches


def tiff(values: np.ndarray, kind: int = 2, planes: int = 1, extra: int | None = None) -> bytes:
    """A TIFF of 16 bits per channel without compression, of any photometric interpretation."""
    height, width, channels = values.shape
    stored = values if planes == 1 else values.transpose(2, 0, 1)
    content, depths = stored.astype("<u2").tobytes(), struct.pack(f"<{channels}H", *[16] * channels)
    count = channels if planes == 2 else 1
    piece = len(content) // count
    end = 8 + 2 + 12 * (10 + (extra is not None)) + 4
    first = end + len(depths) + 8 * count
    starts = struct.pack(f"<{count}I", *range(first, first + len(content), piece))
    sizes = struct.pack(f"<{count}I", *[piece] * count)
    many = {273: (end + len(depths), starts), 279: (end + len(depths) + 4 * count, sizes)}
    entries = [(tag, struct.pack("<HHII", tag, 4, 1, value)) for tag, value in ((256, width), (257, height))]
    entries += [
        (tag, struct.pack("<HHI", tag, 4, count) + (raw if count == 1 else struct.pack("<I", place)))
        for tag, (place, raw) in many.items()
    ]
    short = [(259, 1), (262, kind), (277, channels), (278, height), (284, planes)]
    short += [] if extra is None else [(338, extra)]
    entries += [(tag, struct.pack("<HHIHH", tag, 3, 1, value, 0)) for tag, value in short]
    inline = depths.ljust(4, b"\0") if channels < 3 else struct.pack("<I", end)
    entries.append((258, struct.pack("<HHI", 258, 3, channels) + inline))
    listed = b"".join(entry for _, entry in sorted(entries))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + listed + bytes(4) + depths + starts + sizes + content


COLOURS = np.random.default_rng(0).integers(0, 4096, (8, 8, 3)).astype(np.uint16)
SCALED = np.rint(COLOURS / 4095 * 255).astype(np.uint8)
GREY = COLOURS[..., :1]


def grey_tiff(compression: str | None) -> bytes:
    return encoded(Image.fromarray(GREY[..., 0]), "TIFF", compression=compression)


class TestSixteenBits:
    @pytest.mark.parametrize("content", [png(COLOURS, 2), tiff(COLOURS), png(GREY, 0), grey_tiff("tiff_lzw")])
    def test_are_refused_by_name(self, content):
        assert "16 bits per channel" in refusal(content).text

    @pytest.mark.parametrize("content", [png(COLOURS, 2), tiff(COLOURS)])
    def test_are_scaled_from_the_range_that_is_stated(self, content):
        assert np.array_equal(patch(content, Want(8, sixteen_bit=(0, 4095)))[0], SCALED)

    @pytest.mark.parametrize("content", [png(GREY, 0), grey_tiff(None), grey_tiff("tiff_deflate")])
    def test_grey_is_scaled_too(self, content):
        want = Want(8, sixteen_bit=(0, 4095), to_rgb=True)
        assert np.array_equal(patch(content, want)[0], np.repeat(SCALED[..., :1], 3, axis=2))

    def test_transparency_of_sixteen_bits(self):
        alpha = np.full((8, 8, 1), 65535)
        for values, colour in ((np.concatenate([COLOURS, alpha], 2), 6), (np.concatenate([GREY, alpha], 2), 4)):
            found = patch(png(values, colour), Want(8, sixteen_bit=(0, 4095), to_rgb=True))[0]
            assert np.array_equal(found[..., 0], SCALED[..., 0])

    def test_grey_that_is_white_at_0_is_turned_round_as_at_8_bits(self):
        found = patch(tiff(GREY, kind=0), Want(8, sixteen_bit=(0, 4095), channels=1))[0]
        assert np.array_equal(found, 255 - SCALED[..., :1])

    def test_channels_that_are_stored_apart_are_refused(self):
        assert "each channel by itself" in refusal(tiff(COLOURS, planes=2), Want(8, sixteen_bit=(0, 4095))).text

    def test_cmyk_is_no_rgb_with_transparency(self):
        inks = np.concatenate([COLOURS, GREY], axis=2)
        scaled = np.concatenate([SCALED, SCALED[..., :1]], axis=2)
        found = patch(tiff(inks, kind=5), Want(8, sixteen_bit=(0, 4095), to_rgb=True))[0]
        assert np.array_equal(found, np.asarray(Image.frombytes("CMYK", (8, 8), scaled.tobytes()).convert("RGB")))

    def test_colours_that_hold_their_transparency_already(self):
        half, white = np.full((8, 8, 1), 32768), (SCALED * (128 / 255) + 255 * (127 / 255)).astype(int)
        for colours, extra in ((COLOURS, 2), (COLOURS * (32768 / 65535), 1)):
            values = np.concatenate([np.rint(colours), half], axis=2)
            found = patch(tiff(values, extra=extra), Want(8, sixteen_bit=(0, 4095)))[0]
            assert np.abs(found - white).max() <= 2

    @pytest.mark.parametrize(("values", "kind"), [(COLOURS, 2), (GREY, 0)])
    def test_a_colour_that_is_said_to_be_transparent_becomes_white(self, values, kind):
        key = values[0, 0].astype(">u2").tobytes().rjust(2 * values.shape[2], b"\0")
        content = png(values, kind)
        content = content[:33] + chunk(b"tRNS", key) + content[33:]  # behind the header
        found = patch(content, Want(8, sixteen_bit=(0, 4095), to_rgb=True))[0]
        assert tuple(found[0, 0]) == (255, 255, 255)
        assert np.array_equal(found[1, 1], np.broadcast_to(SCALED[1, 1, : values.shape[2]], 3))

    def test_values_outside_the_range_are_said(self):
        taken = take_image(lambda: png(COLOURS, 2), Want(8, sixteen_bit=(100, 2000)))
        assert isinstance(taken, Taken)
        assert any("cut off" in change for change in taken.changes)
        assert (taken.patches.min(), taken.patches.max()) == (0, 255)

    def test_floating_point_and_deep_jpeg_2000_are_refused(self):
        want = Want(8, to_rgb=True, sixteen_bit=(0, 4095))
        assert "32 bits" in refusal(encoded(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF"), want).text
        assert "16 bits" in refusal(encoded(Image.fromarray(GREY[..., 0]), "JPEG2000"), want).text

    @pytest.mark.parametrize("text", ["4095", "0-70000", "9-9", "a-b", "-1-5", "0-"])
    def test_what_is_no_range_is_refused(self, tmp_path, text):
        with pytest.raises(DataError, match="--sixteen-bit"):
            import_images(folder_of(tmp_path / "i", two_classes()), tmp_path / "data", Options(sixteen_bit=text))


class TestColours:
    def test_transparency_is_laid_on_white_and_said(self, tmp_path):
        half = encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 51)))
        palette = Image.new("P", (8, 8), 1)
        palette.putpalette([0, 0, 0, 200, 10, 10])
        files = {"0/a.png": half, "0/b.png": encoded(Image.new("RGBA", (8, 8), (40, 0, 0, 255)))}
        files |= {"1/c.png": encoded(palette, transparency=1), "1/d.png": encoded(palette)}
        imported = import_images(folder_of(tmp_path / "images", files), tmp_path / "data")
        assert shades(tmp_path / "data") == [204, 40, 255, 200]
        assert imported.changes == {"transparency laid on white": 2}

    @pytest.mark.parametrize(
        ("mode", "kind"),
        [("L", "PNG"), ("1", "PNG"), ("CMYK", "JPEG"), ("LAB", "TIFF"), ("LA", "PNG"), ("L", "JPEG2000")],
    )
    def test_other_colours_are_refused_or_converted_where_asked(self, mode, kind):
        content = encoded(Image.new(mode, (8, 8), {"CMYK": (0, 255, 255, 0), "LAB": (255, 0, 0)}.get(mode)), kind)
        assert f"mode {mode} " in refusal(content).text
        taken = take_image(lambda: content, Want(8, to_rgb=True))
        assert isinstance(taken, Taken)
        assert any("converted to RGB" in change for change in taken.changes)
        if mode == "CMYK":
            assert (taken.patches[0, 0, 0] > [200, -1, -1]).all()
            assert (taken.patches[0, 0, 0] < [256, 30, 30]).all()

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_images_are_turned_upright_as_viewers_show_them(self, kind):
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        picture = Image.new("RGB", (16, 8), "black")
        picture.paste("white", (0, 0, 16, 4))
        taken = take_image(lambda: encoded(picture, kind, exif=exif), Want(8, "tile"))
        assert isinstance(taken, Taken)
        assert taken.corners == [(0, 0), (0, 8)]
        assert taken.patches[0, 4, 7].min() > 200
        assert taken.patches[0, 4, 0].max() < 50

    def test_several_pages_are_refused(self):
        pages = encoded(Image.new("RGB", (8, 8)), "TIFF", save_all=True, append_images=[Image.new("RGB", (8, 8))])
        assert "several pages" in refusal(pages).text

    def test_a_colour_profile_is_said(self):
        content = encoded(Image.new("RGB", (8, 8)), icc_profile=b"Adobe RGB, not a real profile")
        taken = take_image(lambda: content, Want(8))
        assert isinstance(taken, Taken)
        assert taken.changes == ("colour profile not applied",)


class TestSizes:
    def test_the_refusal_names_the_ways(self, tmp_path):
        files = two_classes() | {"0/8.png": image(8, side=11)}
        with pytest.raises(DataError, match=r"--resize 8, --crop 8 .* --tile 8"):
            import_images(folder_of(tmp_path / "images", files), tmp_path / "data")

    def test_images_that_are_no_squares_are_refused_with_the_ways(self, tmp_path):
        files = {f"{n}/{n}.png": image(n, side=12, height=8) for n in range(2)}
        with pytest.raises(DataError, match=r"12 x 8 \(2\).*--resize"):
            import_images(folder_of(tmp_path / "images", files), tmp_path / "data")

    def framed(self, width: int, height: int) -> bytes:
        picture = Image.new("RGB", (width, height), "black")
        picture.paste("white", (width // 2 - 4, height // 2 - 4, width // 2 + 4, height // 2 + 4))
        return encoded(picture)

    def test_crop_takes_the_centre(self):
        assert patch(self.framed(20, 14), Want(8, "crop")).min() == 255
        assert "too small" in refusal(self.framed(20, 14), Want(16, "crop")).text

    def test_resize_keeps_proportions(self):
        taken = take_image(lambda: self.framed(32, 16), Want(8, "resize"))
        assert isinstance(taken, Taken)
        assert "cut to the centre square before resizing" in taken.changes
        assert taken.patches[0, 3:5, 3:5].min() > 200
        assert taken.patches[0, 0].max() < 60

    def test_tiles_lie_side_by_side_and_what_is_left_is_said(self, tmp_path):
        big = Image.fromarray(np.arange(20 * 17 * 3, dtype=np.uint16).astype(np.uint8).reshape(17, 20, 3))
        files = {"0/a.png": encoded(big), "1/b.png": image(1), "1/small.png": image(1, side=7)}
        imported = import_images(folder_of(tmp_path / "images", files), tmp_path / "data", Options(tile=8))
        assert imported.counts == {"patches": (4, 1)}
        found = pixels(tmp_path / "data")
        assert np.array_equal(found[3], np.asarray(big)[8:16, 8:16])
        assert any(note.startswith(f"tiles: {20 * 17 - 4 * 64} pixels") for note in imported.notes)
        assert imported.left_out.details == {"images smaller than a tile": {"": 1}}

    @pytest.mark.parametrize("options", [{"resize": 8, "crop": 8}, {"tile": 8, "patch_size": 9}, {"tile": 9999}])
    def test_sizes_that_contradict_each_other_are_refused(self, tmp_path, options):
        with pytest.raises(DataError, match=r"--tile|contradict"):
            import_images(folder_of(tmp_path / "i", two_classes()), tmp_path / "data", Options(**options))
