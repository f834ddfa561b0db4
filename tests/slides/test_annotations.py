from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import DataError
from hpo.slides.annotations import Annotations, Polygon, annotations_beside, read_annotations
from hpo.slides.geojson import Feature, feature_collection
from hpo.slides.outlines import regions_of
from hpo.slides.slide_table import read_slide_table

SQUARE = [(10, 20), (50, 20), (50, 60), (10, 60)]
INNER = [(20, 30), (40, 30), (40, 50), (20, 50)]


def asap(path: Path, *groups: tuple[str, list[tuple[int, int]]]) -> Path:
    annotations = "".join(
        f'<Annotation Name="a{n}" PartOfGroup="{group}" Type="Polygon"><Coordinates>'
        + "".join(f'<Coordinate Order="{i}" X="{x}" Y="{y}"/>' for i, (x, y) in enumerate(corners))
        + "</Coordinates></Annotation>"
        for n, (group, corners) in enumerate(groups)
    )
    path.write_text(f"<ASAP_Annotations><Annotations>{annotations}</Annotations></ASAP_Annotations>", encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_becomes_outlines_and_a_mask_again(tmp_path: Path, seed: int) -> None:
    mask = np.random.default_rng(seed).random((31, 40)) < 0.55
    text = feature_collection([Feature(one, 8, "Tumor") for one in regions_of(mask)[1]], (320, 248))
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8")
    assert np.array_equal(read_annotations(tmp_path / "a.geojson").mask(320, 248, 8), mask)


@pytest.mark.parametrize("cell", [1, 4, 7.3])
def test_any_polygon_is_filled_by_its_cells_middles(cell: float) -> None:
    corners = np.random.default_rng(1).uniform(-30, 230, (9, 2))
    found = Annotations(Path("a"), (Polygon((corners,)),)).mask(200, 160, cell)
    expected = np.zeros_like(found)
    for row, column in np.ndindex(found.shape):
        x, y = (column + 0.5) * cell, (row + 0.5) * cell
        inside = False
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                inside = not inside
        expected[row, column] = inside
    assert np.array_equal(found, expected)


def test_asaps_groups_are_tumour_or_cut_out_of_it(tmp_path: Path) -> None:
    path = asap(tmp_path / "a.xml", ("_2", INNER), ("Tumor", SQUARE), ("Fold", [(0, 0), (9, 0), (9, 9)]))
    mask = read_annotations(path).mask(80, 80, 1)
    assert mask.sum() == 40 * 40 - 20 * 20
    assert mask[25, 15]
    assert not mask[40, 30]


def test_other_names_are_asked_for(tmp_path: Path) -> None:
    path = asap(tmp_path / "a.xml", ("Stroma", SQUARE), ("DCIS", INNER))
    with pytest.raises(
        DataError, match=r'named as tumour \(found: DCIS, Stroma\); say which are, such as --positive "DCIS"'
    ):
        read_annotations(path)
    assert read_annotations(path, ["dcis"]).mask(80, 80, 1).sum() == 400
    assert not read_annotations(asap(tmp_path / "b.xml", ("normal", SQUARE))).mask(80, 80, 1).any()


def test_qupaths_shapes_are_read(tmp_path: Path) -> None:
    closed = [[*one] for one in (*SQUARE, SQUARE[0])]
    hole = [[*one] for one in (*INNER, INNER[0])]
    tumour = {"classification": {"name": "Tumor", "color": [200, 0, 0]}, "objectType": "annotation"}
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [closed, hole]}, "properties": tumour},
        {
            "type": "Feature",
            "geometry": {"type": "MultiPolygon", "coordinates": [[[[60, 60], [70, 60], [70, 70], [60, 70], [60, 60]]]]},
            "properties": {"classification": {"names": ["Tumor"]}},
        },
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}},
    ]
    for number, values in enumerate(({"type": "FeatureCollection", "features": features}, features)):
        path = tmp_path / f"{number}.geojson"
        path.write_text(json.dumps(values), encoding="utf-8")
        assert read_annotations(path).mask(80, 80, 1).sum() == 1200 + 100


def qupath(path: Path, *geometries: object) -> Path:
    tumour = {"classification": {"name": "Tumor"}}
    path.write_text(json.dumps([{"geometry": one, "properties": tumour} for one in geometries]), encoding="utf-8")
    return path


def test_polygons_within_a_collection_are_read(tmp_path: Path) -> None:
    polygon = {"type": "Polygon", "coordinates": [[[*one] for one in SQUARE]]}
    inner = {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}, polygon]}
    path = qupath(tmp_path / "a.geojson", {"type": "GeometryCollection", "geometries": [inner]})
    assert read_annotations(path).mask(80, 80, 1).sum() == 1600


def test_tumour_that_encloses_nothing_is_not_taken_for_none(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[1, 2], [9, 9], [1, 9]]}
    for path in (
        qupath(tmp_path / "a.geojson", line),
        qupath(tmp_path / "b.geojson", {"type": "Polygon", "coordinates": []}),
        asap(tmp_path / "c.xml", ("Tumor", SQUARE[:2])),
    ):
        with pytest.raises(DataError, match="which enclose nothing"):
            read_annotations(path)
    square = {"type": "Polygon", "coordinates": [[[*one] for one in SQUARE]]}
    assert read_annotations(qupath(tmp_path / "d.geojson", line, square)).mask(80, 80, 1).sum() == 1600


def test_corners_far_beyond_the_slide_are_cut_at_its_edge(tmp_path: Path) -> None:
    corners = [[0, 0], [1e300, 0], [1e300, 1e300], [0, 1e300]]
    path = qupath(tmp_path / "a.geojson", {"type": "Polygon", "coordinates": [corners]})
    assert read_annotations(path).mask(80, 80, 1).all()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.xml", '<?xml version="1.0" encoding="klingon"?><a/>', "not XML"),
        ("a.geojson", '[{"geometry": {"type": "MultiPolygon", "coordinates": 5}}]', "no lists of"),
        ("a.geojson", '[{"geometry": {"type": "Polygon", "coordinates": "abc"}}]', "no lists of"),
        ("a.xml", "<no", "not XML"),
        ("a.xml", "<html/>", "is 'html', not ASAP_Annotations"),
        ("a.geojson", "{", "not JSON"),
        ("a.geojson", "[1]", "not GeoJSON"),
        ("a.geojson", '[{"geometry": {"type": "Polygon", "coordinates": [["a", "b", "c"]]}}]', "a corner that is no"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_annotations(tmp_path / name)


def test_annotations_lie_beside_the_slide_or_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.geojson").touch()
    assert annotations_beside(tmp_path / "a.svs", None) is None
    assert annotations_beside(tmp_path / "a.svs", tmp_path / "other") == tmp_path / "other/a.geojson"
    (tmp_path / "a.xml").touch()
    assert annotations_beside(tmp_path / "a.svs", None) == tmp_path / "a.xml"


def test_a_table_of_slides_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "slides.csv"
    path.write_text("\ufeffSlide;Label\nfolder\\a.svs;Tumor\nb;normal\n\nc.tif;1\n", encoding="utf-8")
    table = read_slide_table(path)
    found = [table.label_of(Path(name)) for name in ("x/a.svs", "b.tif", "c.tif", "d.tif")]
    assert found == [1, 0, 1, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"needs the columns slide and label \(found: a, b\)"),
        ("slide,label\na,maybe\n", r"line 2 has the label 'maybe'; allowed: 0, 1, or words"),
        ("slide,label\na,0\na,1\n", r"line 3 says label 1 of a, an earlier line 0"),
        ("slide,label\n,1\n", r"line 2 names no slide"),
        (f"slide,label\n{'a' * 200_000},1\n", "not a readable CSV file"),
        ("", r"needs the columns slide and label \(found: none\)"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "slides.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_slide_table(tmp_path / "slides.csv")
