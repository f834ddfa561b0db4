"""Every kind of file: read as it is, or refused with one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.errors import DataError, HpoError
from hpo.slides import opening
from hpo.slides.opening import images_in, open_slide
from tests.slides.pictures import painted, save

PIXELS = painted(60, 80, (10, 10, 50, 70))


def picture(path: Path, mode: str, **options: object) -> Path:
    Image.fromarray(PIXELS).convert(mode).save(path, **options)
    return path


def test_a_picture_is_read_as_it_is(tmp_path: Path) -> None:
    slide = open_slide(save(tmp_path / "a.png", PIXELS))
    assert np.array_equal(slide.read(0, 3, 4, 20, 30), PIXELS[4:34, 3:23])
    assert slide.mpp == pytest.approx(0.972, abs=1e-3)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    pixels = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    pixels[:10, :10, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = open_slide(tmp_path / "a.png").read(0, 0, 0, 80, 60)
    assert (found[:10, :10] == 255).all()
    assert np.array_equal(found[10:], PIXELS[10:])


@pytest.mark.parametrize(
    ("name", "mode", "found"),
    [
        ("a.jpg", "CMYK", "is CMYK"),
        ("a.png", "L", "is grey"),
        ("a.tif", "CMYK", "CMYK|SEPARATED"),
        ("a.png", "I;16", "is grey|16 bits"),
    ],
)
def test_other_colours_are_refused(tmp_path: Path, name: str, mode: str, found: str) -> None:
    path = tmp_path / name
    if mode == "I;16":
        Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 256).save(path)
    else:
        picture(path, mode)
    with pytest.raises(DataError, match=f"({found}).*; slides are RGB with 8 bits per channel: convert it first"):
        open_slide(path)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.png: not an image that can be read here"):
        open_slide(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"b\.png: no such file"):
        open_slide(tmp_path / "b.png")
    with pytest.raises(DataError, match="has no images; their names end in"):
        images_in(tmp_path / "nothing") if (tmp_path / "nothing").mkdir() is None else None


def test_a_picture_too_large_to_be_decoded_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.slides.plain_file.LARGEST_IMAGE", 1000)
    with pytest.raises(
        DataError, match="has 80 x 60 pixels, more than the 1,000 pixels that are decoded whole; save it"
    ):
        open_slide(save(tmp_path / "a.png", PIXELS))


def test_scanners_files_ask_for_openslide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    (tmp_path / "a.svs").write_bytes(b"II*\0")
    with pytest.raises(HpoError, match="scanners' files need OpenSlide: pip install openslide-python"):
        open_slide(tmp_path / "a.svs")
    plain = open_slide(picture(tmp_path / "a.tif", "RGB", dpi=(25400 / 0.5, 25400 / 0.5)))
    assert np.array_equal(plain.read(0, 0, 0, 80, 60), PIXELS)
    assert plain.mpp == pytest.approx(0.5)


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    for name in ("b/2.png", "1.PNG", ".hidden.png", ".git/3.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in images_in(tmp_path)] == ["1.PNG", "b/2.png"]


class TestTiff:
    """Tiled TIFF files, where tifffile and OpenSlide are installed."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("tifffile")
        pytest.importorskip("openslide")

    def write(self, path: Path, pixels: np.ndarray, **options: object) -> Path:
        import tifffile

        chosen = {"photometric": "rgb", "tile": (32, 32), "compression": "zlib", "metadata": None} | options
        tifffile.imwrite(path, pixels, **chosen)
        return path

    @pytest.mark.parametrize("tile", [(32, 32), None])
    def test_any_rectangle_of_an_ome_tiff_is_read(self, tmp_path: Path, tile: tuple[int, int] | None) -> None:
        import tifffile

        with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
            options = {"photometric": "rgb", "compression": "zlib", "tile": tile}
            sizes = {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
            tiff.write(PIXELS, subifds=1, metadata=sizes, **options)
            tiff.write(PIXELS[::2, ::2], subfiletype=1, **options)
        slide = open_slide(tmp_path / "a.ome.tif")
        assert [(level.width, level.height, level.downsample) for level in slide.levels] == [(80, 60, 1), (40, 30, 2)]
        assert slide.mpp == 0.25
        assert np.array_equal(slide.read(0, 17, 5, 50, 44), PIXELS[5:49, 17:67])
        assert np.array_equal(slide.read(1, 3, 2, 37, 28), PIXELS[::2, ::2][2:30, 3:40])

    @pytest.mark.parametrize("tile", [(32, 32), None])
    def test_a_fourth_channel_is_what_the_file_says(self, tmp_path: Path, tile: tuple[int, int] | None) -> None:
        half = np.full((*PIXELS.shape[:2], 1), 128, np.uint8)
        on_white = PIXELS * (128 / 255) + 255 * (127 / 255)
        for kind, colours, expected in (
            ("unspecified", PIXELS, PIXELS),
            ("assocalpha", (PIXELS * (128 / 255)).astype(np.uint8), on_white),
            ("unassalpha", PIXELS, on_white),
        ):
            pixels = np.concatenate([colours, half], axis=2)
            slide = open_slide(self.write(tmp_path / f"{kind}.tif", pixels, tile=tile, extrasamples=[kind]))
            assert np.abs(slide.read(0, 0, 0, 80, 60) - expected).max() <= 2

    @pytest.mark.parametrize("tile", [(32, 32), None])
    def test_ycbcr_that_is_not_jpeg_becomes_rgb(self, tmp_path: Path, tile: tuple[int, int] | None) -> None:
        stored = np.asarray(Image.fromarray(PIXELS).convert("YCbCr"))
        slide = open_slide(self.write(tmp_path / "a.tif", stored, tile=tile, photometric="ycbcr"))
        assert np.abs(slide.read(0, 0, 0, 80, 60).astype(int) - PIXELS).max() <= 3

    def test_the_resolution_is_in_the_tags(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "a.tif", PIXELS, resolution=(20000, 20000), resolutionunit="CENTIMETER")
        assert open_slide(path).mpp == pytest.approx(0.5)
        assert open_slide(self.write(tmp_path / "b.tif", PIXELS)).mpp is None

    @pytest.mark.parametrize(
        ("pixels", "options", "found"),
        [
            (PIXELS.astype(np.uint16) * 256, {}, "16 bits per channel"),
            (PIXELS[..., 0], {"photometric": "minisblack"}, "1 channels of kind MINISBLACK"),
            (np.dstack([PIXELS, PIXELS[..., :1]]), {"photometric": "separated"}, "4 channels of kind SEPARATED"),
        ],
    )
    def test_other_pixels_are_refused(
        self, tmp_path: Path, pixels: np.ndarray, options: dict[str, object], found: str
    ) -> None:
        path = self.write(tmp_path / "a.tif", pixels, **options)
        with pytest.raises(DataError, match=rf"a\.tif: has {found}; slides are RGB with 8 bits per channel"):
            open_slide(path)

    @pytest.mark.parametrize("compression", ["zlib", "lzw"])
    def test_pixels_that_cannot_be_decoded_are_first_called_damaged(self, tmp_path: Path, compression: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "a.tif", compression=f"tiff_{compression.replace('zlib', 'deflate')}")
        content = bytearray((tmp_path / "a.tif").read_bytes())
        content[60_000:62_000] = bytes(2000)
        (tmp_path / "a.tif").write_bytes(content)
        with pytest.raises(
            DataError, match=r"a\.tif: damaged or cut short.*: piece \d+ of level 0 .*; copy the file again"
        ):
            open_slide(tmp_path / "a.tif").read(0, 0, 0, 256, 256)

    def test_a_truncated_pyramid_is_refused(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(DataError, match=r"a\.tif: .*truncated.*; copy the file again"):
            open_slide(path)
