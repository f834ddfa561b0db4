"""The heat map as a picture: the slide with its tissue outlined, and the probabilities over it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hpo.slides.colours import colours_of
from hpo.slides.prediction import Prediction
from hpo.slides.tissue import outlined

SIDE = 1400
"""Pixels of each panel's longer side, at most."""
OPACITY = 0.62
_INK, _PAPER = (25, 25, 25), (255, 255, 255)
_GAP, _TOP, _FOOT = 24, 64, 96


def overlay(prediction: Prediction, width: int, height: int) -> Image.Image:
    """Probabilities as an RGBA picture that lies exactly over the slide; background is transparent."""
    probability = prediction.probability
    alpha = np.where(np.isfinite(probability), round(255 * OPACITY), 0).astype(np.uint8)
    cells = Image.fromarray(np.dstack([colours_of(probability), alpha]))
    # The cells may reach over the edge of the slide, which the picture does not.
    box = (0.0, 0.0, prediction.size[0] / prediction.cell, prediction.size[1] / prediction.cell)
    return cells.resize((width, height), Image.Resampling.NEAREST, box=_inside(box, cells.size))


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    return box[0], box[1], min(box[2], size[0]), min(box[3], size[1])


def draw_heat_map(prediction: Prediction, side: int = SIDE) -> Image.Image:
    """Two panels, the slide with its tissue outlined and the probabilities over it, with legend and scale bar."""
    slide = outlined(prediction.overview, prediction.tissue, side)
    scale = min(1.0, side / max(prediction.overview.pixels.shape[:2]))
    if max(slide.size) < side // 2:  # a small image is drawn large enough to be looked at
        scale *= side // 2 / max(slide.size)
        bigger = [round(length * side / 2 / max(slide.size)) for length in slide.size]
        slide = slide.resize((bigger[0], bigger[1]), Image.Resampling.BICUBIC)
    width, height = slide.size
    plain = Image.fromarray(prediction.overview.pixels).resize((width, height), Image.Resampling.BOX)
    heat = Image.alpha_composite(plain.convert("RGBA"), overlay(prediction, width, height)).convert("RGB")
    stacked = width > 1.6 * height
    panel = max(width, 560)
    whole = (
        (panel + 2 * _GAP, 2 * height + 3 * _GAP + _TOP + _FOOT)
        if stacked
        else (2 * panel + 3 * _GAP, height + _GAP + _TOP + _FOOT)
    )
    picture = Image.new("RGB", whole, _PAPER)
    draw = ImageDraw.Draw(picture)
    second = (_GAP, _TOP + height + _GAP) if stacked else (2 * _GAP + panel, _TOP)
    picture.paste(slide, (_GAP, _TOP))
    picture.paste(heat, second)
    words = f"{prediction.path.name}: {_share_words(prediction)}"
    draw.text((_GAP, 16), words, _INK, _font(22))
    foot = second[1] + height + 16
    _draw_scale(draw, (_GAP, foot), width, scale, prediction)
    _draw_legend(picture, draw, (second[0], foot), min(panel, 560), prediction)
    return picture


def _share_words(prediction: Prediction) -> str:
    return (
        f"{prediction.tumour_area:.2f} of {prediction.tissue_area:.2f} mm2 tissue ({prediction.tumour_share:.1%}) "
        f"above {prediction.threshold:.2f}"
    )


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def nice_length(longest: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is no longer."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))


def _draw_scale(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], width: int, scale: float, prediction: Prediction
) -> None:
    """A bar of a round length, at most a third of the panel, and the outline's meaning."""
    micrometres = prediction.overview.factor * prediction.slide_mpp / scale  # of a pixel of the panel
    length = nice_length(width / 3 * micrometres)
    x, y = place
    draw.rectangle((x, y + 6, x + round(length / micrometres), y + 12), fill=_INK)
    draw.text((x, y + 20), f"{length / 1000:g} mm     green: outline of the tissue", _INK, _font(16))


def _draw_legend(
    picture: Image.Image, draw: ImageDraw.ImageDraw, place: tuple[int, int], width: int, prediction: Prediction
) -> None:
    """Colours of 0 to 1 as they look over white, with the threshold marked."""
    x, y = place
    ramp = colours_of(np.linspace(0, 1, width, dtype=np.float32)).astype(np.float64)
    seen = np.rint(ramp * OPACITY + 255 * (1 - OPACITY)).astype(np.uint8)
    picture.paste(Image.fromarray(np.repeat(seen[None], 16, axis=0)), (x, y))
    mark = x + round(prediction.threshold * (width - 1))
    draw.line((mark, y - 5, mark, y + 20), _INK, 2)
    for value in (0.0, 0.5, 1.0):
        text = f"{value:g}"
        font = _font(16)
        draw.text((x + value * (width - 1) - draw.textlength(text, font) * value, y + 22), text, _INK, font)
    named = f"probability of {prediction.positive}; threshold {prediction.threshold:.3f}, {prediction.threshold_chosen}"
    draw.text((x, y + 44), named, _INK, _font(16))
