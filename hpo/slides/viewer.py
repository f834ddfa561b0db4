"""The offline page of a slide: one HTML file with the slide, its heat map, zoom, and what was found."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
from PIL import Image

from hpo.slides.colours import colours_of
from hpo.slides.geojson import Region
from hpo.slides.image import Pixels
from hpo.slides.prediction import Prediction
from hpo.slides.summary import Summary

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""The page may run its own scripts and show its own pictures, and nothing else: a browser refuses any request."""
_REGIONS = 10
_NOTHING = 255
"""Of a cell without tissue; probabilities are 0 to 254."""

Rings = Sequence[Sequence[tuple[float, float]]]


def render_viewer(summary: Summary, pictures: Sequence[Pixels], truth: Rings = ()) -> str:
    """The text of the page.

    Args:
        summary: of the slide.
        pictures: of its top tiles.
        truth: outlines of annotations, in pixels of level 0.
    """
    one = summary.prediction
    folder = files("hpo.slides") / "page"
    ramp = ", ".join(f"rgb({r} {g} {b})" for r, g, b in colours_of(np.linspace(0, 1, 9, dtype=np.float32)).tolist())
    style = (folder / "page.css").read_text(encoding="utf-8").replace("VAR_RAMP", ramp)
    title = f"{one.path.name}: {one.positive} tissue by {one.model}"
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>",
            f"<header><h1>{escape(one.path.name)}</h1><p class=lead>{escape(_lead(one))}</p></header>",
            "<main>",
            _numbers(summary),
            _viewer(one, has_truth=bool(truth)),
            _tiles(summary, pictures),
            _regions(one, summary.regions),
            "</main>",
            f"<footer><p>{escape(_footer(one))}</p></footer>",
            f'<script type="application/json" id="slide">{_data(one, truth)}</script>',
            f"<script>{(folder / 'page.js').read_text(encoding='utf-8')}</script>",
            "</body>\n</html>\n",
        ]
    )


def _lead(one: Prediction) -> str:
    return (
        f"{one.tumour_share:.1%} of the tissue is above the threshold {one.threshold:.3f} ({one.threshold_chosen}) for "
        f"{one.positive}, by {one.model}."
    )


def _footer(one: Prediction) -> str:
    width, height = one.size
    return (
        f"{width} x {height} pixels of {one.slide_mpp:.4g} µm. {int(np.isfinite(one.tiles).sum()):,} tiles of "
        f"{one.grid.size} pixels of {one.mpp:.4g} µm, {one.grid.stride} apart; a cell shows the mean of the tiles over "
        "it. "
        "Probabilities are the network's own. For research only: no diagnosis."
    )


def _numbers(summary: Summary) -> str:
    one = summary.prediction
    largest = f"{summary.regions[0].area:.3f} mm²" if summary.regions else "none"
    shown = {
        "above the threshold": f"{one.tumour_area:.2f} mm²",
        "tissue": f"{one.tissue_area:.2f} mm²",
        "regions": f"{len(summary.regions):,}",
        "largest region": largest,
        "largest probability": f"{one.maximum:.3f}",
        "95th percentile": f"{one.percentile_95:.3f}",
    }
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.items())
    return f'<dl class="numbers">{items}</dl>'


def _viewer(one: Prediction, *, has_truth: bool) -> str:
    drawn = '<label><input type="checkbox" id="truth" checked> annotations</label>' if has_truth else ""
    return f"""<div class="viewer">
<canvas tabindex="0" role="img" aria-label="The slide with its heat map; arrow keys move, plus and minus zoom"></canvas>
<img id="picture" alt="" hidden src="data:image/jpeg;base64,{_jpeg(one.overview.pixels)}">
<div class="zoom"><button id="in" aria-label="Zoom in">+</button><button id="out" aria-label="Zoom out">&minus;</button>
<button id="all">all</button></div>
<div class="bar"><i></i><span></span></div><div class="probe" aria-live="off">probability under the pointer</div>
</div>
<div class="controls">
<label>heat map <input type="range" id="opacity" min="0" max="1" step="0.01" value="0.55"><output></output></label>
<label>threshold <input type="range" id="threshold" min="0" max="1" step="0.001" value="{one.threshold:.3f}">
<output></output></label>
<label><input type="checkbox" id="only"> only above it</label>{drawn}
<span class="legend">0 <i></i> 1</span><span id="above"></span>
</div>"""


def _tiles(summary: Summary, pictures: Sequence[Pixels]) -> str:
    if not pictures:
        return ""
    items = "".join(
        f'<li><button data-place="{tile.x} {tile.y} {tile.side}"><img alt="Tile at x {tile.x}, y {tile.y}" '
        f'src="data:image/jpeg;base64,{_jpeg(picture)}">{tile.probability:.3f}</button></li>'
        for tile, picture in zip(summary.top, pictures, strict=True)
    )
    return (
        "<h2>Tiles of the largest probability</h2><p>As the network saw them. A click shows the tile on the slide.</p>"
        f'<ul class="tiles">{items}</ul>'
    )


def _regions(one: Prediction, regions: Sequence[Region]) -> str:
    if not regions:
        return ""
    rows = []
    for number, region in enumerate(regions[:_REGIONS], 1):
        x, y = np.array(region.outline.outer).min(axis=0) * one.cell
        side = float((np.ptp(np.array(region.outline.outer), axis=0) * one.cell).max())
        place = f"{x:.0f} {y:.0f} {max(side / 2, one.cell):.0f}"
        values = (f"{region.area:.4f}", f"{region.mean:.3f}", f"{region.maximum:.3f}")
        cells = "".join(f"<td>{value}</td>" for value in values)
        rows.append(f'<tr><td><button data-place="{place}">{number}</button></td>{cells}</tr>')
    more = f"<p>{len(regions) - _REGIONS:,} smaller ones are in regions.geojson.</p>" if len(regions) > _REGIONS else ""
    return (
        "<h2>Largest regions above the threshold</h2><table><thead><tr><th>region</th><th>tissue, mm²</th>"
        f"<th>mean probability</th><th>largest</th></tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"
    )


def _data(one: Prediction, truth: Rings) -> str:
    probability = one.probability
    known = np.isfinite(probability)
    cells = np.where(known, np.rint(np.nan_to_num(probability) * 254), _NOTHING).astype(np.uint8)
    rows, columns = one.grid.cells
    unit = float(one.cell_areas.max()) / 100 or 1.0
    values = {
        "width": one.size[0],
        "height": one.size[1],
        "mpp": one.slide_mpp,
        "cell": one.cell,
        "rows": rows,
        "columns": columns,
        "cells": b64encode(cells.tobytes()).decode(),
        "tissue": np.rint(one.cell_areas / unit).astype(int).reshape(-1).tolist(),
        "unit": unit,
        "colours": colours_of(np.linspace(0, 1, _NOTHING, dtype=np.float32)).reshape(-1).tolist(),
        "truth": [[[round(x, 1), round(y, 1)] for x, y in ring] for ring in truth],
    }
    return json.dumps(values, separators=(",", ":"))


def _jpeg(pixels: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=82)
    return b64encode(file.getvalue()).decode()
