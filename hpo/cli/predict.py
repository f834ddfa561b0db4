"""``hpo predict``: a model over whole slides, images and folders of patches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.limits import MOST_PROCESSES
from hpo.cli.options import PositiveOption, SlideMppOption, names_in
from hpo.errors import HpoError
from hpo.terminal import progress_bar, say, tell

if TYPE_CHECKING:
    from hpo.slides.batch import Images
    from hpo.slides.one import Done, Sources
    from hpo.slides.predict import Predictor
    from hpo.slides.score import Score


class Backend(StrEnum):
    """What runs the model, as an option."""

    auto = "auto"
    onnx = "onnx"
    keras = "keras"


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="Output folder of a study, such as runs/quickstart; its study file; or a .onnx, .keras or .h5 file.",
        ),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Slides, images, and folders of them.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for heat map and table of each slide."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Table to write, one line per image.")
    ] = None,
    mpp: SlideMppOption = None,
    model_mpp: Annotated[
        float | None,
        typer.Option(
            help="Micrometres per pixel of the model's patches; by default as they were cut from slides, or 0.972.",
            min=0.01,
            max=100,
        ),
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Pixels from tile to tile; half a patch by default.", min=1)
    ] = None,
    tissue: Annotated[float, typer.Option(help="Share of tissue that a tile must have.", min=0, max=1)] = 0.1,
    all_tiles: Annotated[bool, typer.Option("--all", help="Predict the background too.")] = False,
    symmetries: Annotated[
        bool,
        typer.Option("--symmetries", help="Average over the eight turns and mirror images; takes 8 times as long."),
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Probability above which tissue counts; the study's by default.", min=0, max=1)
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Table of slides: columns slide and label; adds an AUC by slide."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of SLIDE.xml (ASAP) or SLIDE.geojson (QuPath); adds Dice, AUC by cell and FROC.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    positive: PositiveOption = None,
    architecture: Annotated[
        str | None, typer.Option(metavar="NAME", help="Architecture of the study; the best on validation by default.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="Class to map, by name or label, if there are several."),
    ] = None,
    backend: Annotated[Backend, typer.Option(help="What runs the model; ONNX Runtime if possible.")] = Backend.auto,
    batch: Annotated[int, typer.Option(help="Tiles predicted together.", min=1, max=4096)] = 64,
    processes: Annotated[
        int, typer.Option(help="Processes that work on a slide together.", min=1, max=MOST_PROCESSES)
    ] = 1,
) -> None:
    """Predict whole slides and images: heat maps, tables of tiles, and one score per image."""
    from hpo.slides.batch import check_csv, gather
    from hpo.slides.model_file import find_model, label_named
    from hpo.slides.one import Sources
    from hpo.slides.outputs import check_output
    from hpo.slides.predict import Predictor, Settings
    from hpo.slides.slide_table import read_slide_table

    if output is None and csv is None:
        raise HpoError("nothing to write: give -o FOLDER for heat maps, --csv FILE for one score per image, or both")
    if csv is not None:
        check_csv(csv)
    if output is not None:
        check_output(output)
    found = find_model(model, architecture=architecture, backend=backend.value)
    settings = Settings(
        mpp=mpp,
        model_mpp=model_mpp,
        stride=stride,
        least_tissue=tissue,
        all_tiles=all_tiles,
        symmetries=symmetries,
        threshold=threshold,
        label=None if label is None else label_named(found, label),
        batch=batch,
        processes=processes,
    )
    sources = Sources(
        None if labels is None else read_slide_table(labels),
        annotations,
        names_in(positive),
    )
    predictor = Predictor(found, settings)
    _predict(predictor, gather(images, predictor.classifier.size), sources, output, csv)


def _predict(predictor: Predictor, images: Images, sources: Sources, output: Path | None, csv: Path | None) -> None:
    from hpo.slides.batch import score_patches, write_scores

    scores: list[Score] = []
    refused_patches: list[HpoError] = []
    if images.patches:
        if csv is None:
            count = len(images.patches)
            which = "1 image is a single patch" if count == 1 else f"{count} images are single patches"
            raise HpoError(f"{which}: probabilities of patches go to a table, --csv FILE")
        with _following("patches") as progress:
            refuse = None if len(images.names) == 1 else refused_patches.append
            scores += score_patches(predictor, images, predictor.threshold, progress, refuse)
        for error in refused_patches:
            say(f"hpo: {error}")
        tell(f"{len(scores):,} patches")
    finished, refused = _slides(predictor, images, sources, output)
    refused += len(refused_patches)
    scores += [done.score for done in finished]
    if scores:
        by = f"{predictor.model.name} ({predictor.model.path.name})"
        calls = f"threshold {predictor.threshold:.3f}, {predictor.threshold_chosen}"
        tell(f"probability of {predictor.positive}, by {by}; {calls}")
    if finished:
        tell(f"patches of {predictor.mpp:g} µm per pixel, {predictor.mpp_chosen}")
    if csv is not None and scores:
        write_scores(csv, scores, {done.score.name: done.label for done in finished if done.label is not None})
        tell(f"{csv}: {len(scores):,} images")
    _score_slides(finished, sources, output)
    if refused:
        raise HpoError(f"{refused} of {len(images.names)} images could not be predicted; the others are written")


def _slides(predictor: Predictor, images: Images, sources: Sources, output: Path | None) -> tuple[list[Done], int]:
    """Predict one slide after another; returns what was done, and how many could not be."""
    from hpo.slides.batch import folder_of
    from hpo.slides.one import predict_one

    finished: list[Done] = []
    refused = 0
    for path in images.slides:
        name = images.names[path]
        folder = None if output is None else folder_of(output, name, list(images.names.values()))
        try:
            with _following(name) as progress:
                done = predict_one(predictor, path, name, folder=folder, sources=sources, progress=progress)
        except HpoError as error:
            if len(images.names) == 1:
                raise
            say(f"hpo: {error}")
            refused += 1
            continue
        tell(f"{folder or name}: {'is finished; ' if done.was_finished else ''}{_words(done)}")
        finished.append(done)
    return finished, refused


def _score_slides(finished: Sequence[Done], sources: Sources, output: Path | None) -> None:
    """AUC by slide and FROC, where labels or annotations are known."""
    from hpo.slides.outputs import write_whole
    from hpo.slides.scores import score_slides

    labelled = [(done.score, done.label, done.agreement) for done in finished if done.label is not None]
    if not labelled:
        given = [sources.table and sources.table.path, sources.annotations]
        for path in (path for path in given if path is not None):
            tell(f"{path}: names none of the slides that were predicted ({len(finished)}), so there is no AUC or FROC")
        return
    scored = score_slides(labelled)
    for line in scored.lines():
        tell(line)
    if output is not None:
        write_whole(output / "slide_scores.json", lambda path: path.write_text(scored.to_json(), encoding="utf-8"))


def _words(done: Done) -> str:
    score = done.score
    told = (
        f"{score.tiles:,} tiles; {score.tumour_mm2:.2f} mm2 of {score.tissue_mm2:.2f} mm2 tissue "
        f"({score.tumour_share:.1%}) above the threshold, maximum {score.maximum:.3f}"
    )
    one = done.agreement
    if one is None or not one.annotated_mm2:
        return told
    return f"{told}; {one.annotated_mm2:.2f} mm2 annotated: Dice {one.dice:.3f}, AUC by cell {one.auc:.3f}"


@contextmanager
def _following(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with tiles per second; tiles that an earlier run predicted do not count as fast."""
    from hpo.plain import printable

    with progress_bar() as bars:
        task = bars.add_task(printable(name), total=None, detail="")
        start: list[tuple[float, int]] = []

        def update(done: int, total: int) -> None:
            if not start:
                start.append((time.monotonic(), done))
            seconds = time.monotonic() - start[0][0]
            speed = f"{(done - start[0][1]) / seconds:,.0f} tiles/s" if seconds > 0.5 else ""
            bars.update(task, completed=done, total=total, detail=speed)

        yield update
