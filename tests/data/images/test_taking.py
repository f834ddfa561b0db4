"""An image file is taken or refused, whatever is wrong with it, in bounded memory."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.data.images.decoding import Taken, Want
from hpo.data.images.importing import import_images
from hpo.data.images.taking import Refusal, take_image
from hpo.errors import DataError
from tests.data.images.made import encoded, folder_of, png, refusal, two_classes


class TestBounds:
    def test_a_size_is_judged_before_any_pixel_is_decoded(self):
        bomb = png(np.zeros((1, 1, 3)), 2, 60_000, 60_000)
        assert refusal(bomb).kind == "large"
        assert "9000 x 9000" in refusal(png(np.zeros((1, 1, 3)), 2, 9000, 9000)).text

    def test_a_file_that_is_too_long_is_not_read(self, tmp_path):
        source = folder_of(tmp_path / "images", two_classes())
        with (source / "0" / "huge.tif").open("wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(DataError, match=r"huge\.tif: 1,099,511,627,776 bytes"):
            import_images(source, tmp_path / "data")

    def test_memory_does_not_grow_with_the_images(self, tmp_path):
        big = encoded(Image.new("RGB", (2048, 2048), "white"), "JPEG")
        source = folder_of(tmp_path / "images", {f"{n % 2}/{n}.jpg": big for n in range(32)})  # 400 MB once decoded
        code = (
            "import resource, sys; from pathlib import Path; from hpo.data.images.importing import import_images; "
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
            f"import_images(Path({str(source)!r}), Path({str(tmp_path / 'data')!r})); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert int(done.stdout) < 330_000  # kB

    @pytest.mark.filterwarnings("ignore")  # Pillow's, which an import silences as a whole
    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("PNG", {}),
            ("JPEG", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("TIFF", {"compression": "jpeg"}),
            ("BMP", {}),
            ("WEBP", {}),
            ("JPEG2000", {}),
        ],
    )
    def test_whatever_is_wrong_with_a_file_is_returned_not_raised(self, kind, options):
        random = np.random.default_rng(0)
        whole = encoded(Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)), kind, **options)
        for _ in range(150):
            content = bytearray(whole[: int(random.integers(1, len(whole) + 1))])
            for _ in range(int(random.integers(0, 5))):
                content[int(random.integers(len(content)))] = int(random.integers(256))
            found = take_image(lambda content=bytes(content): content, Want(8))
            assert isinstance(found, Taken | Refusal)
            assert isinstance(found, Taken) or "\n" not in found.text

    def test_only_the_formats_that_we_name_are_opened(self):
        stream = io.BytesIO()
        Image.new("RGB", (8, 8)).save(stream, "PPM")
        assert refusal(stream.getvalue()).kind == "damaged"


def test_hashes_are_kept_so_that_nobody_reads_the_patches_for_them(tmp_path, monkeypatch):
    from hpo.data import digest

    import_images(folder_of(tmp_path / "images", two_classes()), tmp_path / "data")
    monkeypatch.setattr(digest, "_compute", lambda *_: pytest.fail("read again"))
    kept = digest.patch_hashes(Path(tmp_path / "data" / "patches_x.h5"), 4)
    monkeypatch.undo()
    (tmp_path / "data" / ".patches_x.h5.hashes.npz").unlink()
    assert np.array_equal(kept, digest.patch_hashes(tmp_path / "data" / "patches_x.h5", 4))
