"""The Python door: a study as an object, for notebooks and scripts.

What a `Study` shows is what the commands show: the same database, the same values, the same figures. Looking at a study
makes no database and trains nothing.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.own_layers import load_keras, with_own_layers
from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.data.prepare import prepare_data
from hpo.errors import ConfigError, DataError, HpoError, nearest
from hpo.evaluation.compare import Comparison
from hpo.results.read import read_results
from hpo.results.study import StudyResults
from hpo.results.trainings import STAGES
from hpo.stages.begun import looking_at

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from hpo.reports.panel import Drawing
    from hpo.reports.plot.theme import Theme
    from hpo.slides.prediction import Prediction


@dataclass(frozen=True, repr=False)
class Study:
    """A study that has begun, wherever it stands.

    What the database holds is read when it is first asked for, and kept: `refresh` gives a study that reads it anew.

    Args:
        settings: the study file, with what it names.
    """

    settings: StudyFile
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        """The name and where its output is; never the database's URL, which may hold a password."""
        return f"<Study {self.name}: {self.settings.output}>"

    @property
    def name(self) -> str:
        """Of the study in its database."""
        return self.settings.name

    @property
    def architectures(self) -> tuple[str, ...]:
        """By name, in the study file's order."""
        return tuple(self.settings.architecture_specs)

    def refresh(self) -> Study:
        """The same study, to be read from the database anew."""
        return Study(self.settings)

    @cached_property
    def results(self) -> StudyResults:
        """Everything that is known of the study, as plain values.

        Raises:
            HpoError: if the study has not begun, or its database or predictions cannot be read.
        """
        with looking_at(str(self.settings.file), self.settings.database) as begun:
            return read_results(begun.database, begun.study, self._data())

    def compare(self) -> Mapping[str, Comparison]:
        """The headline of each architecture that is tested on both sides: before against after tuning.

        Before is the reference trained for as long as the tuned model and its donors, where the study trains one.
        ``study.compare()["model3"].auc.difference`` is an estimate with its 95% interval.
        """
        return {name: sides.headline for name, sides in self.results.compared.items()}

    def trials(self) -> pd.DataFrame:
        """Every trial of both stages as a pandas DataFrame; `StudyResults.to_frame` names its columns.

        Raises:
            HpoError: if pandas is not installed.
        """
        return self.results.to_frame()

    def figure(self, panel: str, *, theme: Theme = "light", **options: Any) -> go.Figure:
        """A figure of the report, as a Plotly figure that shows itself in a notebook.

        Args:
            panel: its name in a dashboard, such as ``history`` or ``before_after``.
            theme: ``light`` or ``dark``.
            **options: as a dashboard takes them, such as ``architecture="model3"``.

        Raises:
            HpoError: if there is no such panel or theme, it has no such option, it is no figure, or what it draws is
                missing.
        """
        import plotly.graph_objects as go

        from hpo.reports.plot.theme import THEMES, plotly_template

        if theme not in THEMES:
            raise HpoError(f"there is no theme {theme!r}; {nearest(str(theme), THEMES)}")
        drawing = self._drawn(panel, options)
        if not isinstance(drawing, go.Figure):
            raise HpoError(f"panel {panel!r} is no figure; use: study.table({panel!r}), or study.report()")
        return drawing.update_layout(template=plotly_template(theme))

    def table(self, panel: str, **options: Any) -> pd.DataFrame:
        """A table of the report as a pandas DataFrame of texts.

        Args:
            panel: its name in a dashboard, such as ``comparison_table``.
            **options: as a dashboard takes them.

        Raises:
            HpoError: as `figure`, where the panel is no table.
        """
        from hpo.reports.table import Table
        from hpo.results.frame import texts_frame

        drawing = self._drawn(panel, options)
        if not isinstance(drawing, Table):
            raise HpoError(f"panel {panel!r} is no table; use: study.figure({panel!r}), or study.report()")
        rows = [[cell.text for cell, _ in row] for row in drawing.full_rows()]
        return texts_frame(rows, [column.heading for column in drawing.columns])

    def report(self, path: Path | str | None = None) -> Path:
        """Write the report, one HTML file, and say where it is.

        Args:
            path: of the file; by default ``report.html`` in the study's output folder.

        Raises:
            HpoError: if a file is there that is no report.
        """
        from hpo.reports.page.ours import check_page
        from hpo.reports.page.report import write_report
        from hpo.reports.panels.function import look_for_modules

        file = self.settings.output / "report.html" if path is None else Path(path)
        check_page(file, "the report's file")
        look_for_modules(self.settings.panels, self.settings.file.parent, self.settings.dashboard.parent)
        write_report(self.results, self.settings.panels, file)
        return file

    def model(self, architecture: str | None = None) -> Any:
        """The tuned Keras model: raw patches 0..255 in, probabilities out.

        Patches are ``(N, size, size, channels)``; probabilities ``(N, 1)`` of label 1, or ``(N, K)`` of each class.

        Args:
            architecture: by name; None is the best on validation.

        Raises:
            HpoError: if the study has no such architecture, or its model is not exported yet.
        """
        name = self.results.best_architecture if architecture is None else architecture
        if name is None:
            raise HpoError(f"{self.name}: no architecture is finished yet; run: hpo run {self.settings.file}")
        if name not in self.architectures:
            raise HpoError(f"{self.name} has no architecture {name!r}; {nearest(name, self.architectures)}")
        path = self.settings.output / name / "model.keras"
        if not path.exists():
            raise HpoError(f"{path}: no such file; run: hpo export {self.settings.file}")
        if name not in self._kept:
            self._kept[name] = with_own_layers(self.settings, name, lambda: load_keras(path))
        return self._kept[name]

    def predict(self, architecture: str | None, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities by the tuned model: ``(N,)`` of label 1, or ``(N, K)`` of each of more than two classes.

        Args:
            architecture: by name; None is the best on validation.
            patches: uint8 ``(N, size, size, channels)``.

        Raises:
            HpoError: as `model`; if the patches are of another shape or type.
        """
        model = self.model(architecture)
        shape = tuple(model.input_shape[1:])
        if (patches.shape[1:], str(patches.dtype)) != (shape, "uint8"):
            raise HpoError(
                f"predict: the patches are {patches.dtype} of shape {patches.shape}; the model takes uint8, 0 to 255, "
                f"of shape (N, {', '.join(map(str, shape))}), and scales them itself"
            )
        probabilities: NDArray[np.float32] = model.predict(patches, verbose=0)
        return probabilities[:, 0] if probabilities.shape[1] == 1 else probabilities

    def predict_image(self, path: Path | str, architecture: str | None = None, **settings: Any) -> Prediction:
        """Probabilities over a slide or an image of any size by the tuned model, as `hpo predict` finds them.

        The result shows itself in a notebook: the heat map over the slide. ``.probability`` has the map, ``.tiles`` the
        tiles, ``.save(folder)`` writes every file.

        Args:
            path: of the image.
            architecture: by name; None is the best on validation.
            **settings: fields of `hpo.slides.predict.Settings`, such as ``mpp=0.5`` or ``symmetries=True``.

        Raises:
            HpoError: if there is no exported model, or the image cannot be predicted.
        """
        from dataclasses import fields

        from hpo.slides.model_file import find_model
        from hpo.slides.predict import Predictor, Settings

        allowed = [one.name for one in fields(Settings)]
        for name in settings:
            if name not in allowed:
                raise HpoError(f"predict_image: there is no setting {name!r}; {nearest(name, allowed)}")
        model = find_model(self.settings.output, architecture=architecture)
        of_model = model.path.parent.name
        predictor = with_own_layers(self.settings, of_model, lambda: Predictor(model, Settings(**settings)))
        return predictor.predict(Path(path))

    def _data(self) -> Dataset | None:
        """The patches, for what the report shows of them; None where they are not at hand."""
        try:
            return prepare_data(self.settings.data) if self.settings.data.folder.exists() else None
        except DataError:
            return None

    def _drawn(self, panel: str, options: Mapping[str, Any]) -> Drawing:
        from typing import get_args

        from pydantic import ValidationError

        from hpo.config.dashboard import PanelName, PanelSettings
        from hpo.config.explain import explain
        from hpo.reports.panel import NotThereError, panel_named
        from hpo.reports.panels.function import look_for_modules
        from hpo.reports.plot.looks import Looks

        names = get_args(PanelName)
        if panel not in names:
            raise HpoError(f"there is no panel {panel!r}; {nearest(panel, names)}")
        try:
            settings = PanelSettings.model_validate({"panel": panel, **options})
        except ValidationError as error:
            problem = explain(error, PanelSettings)[0]
            raise HpoError(f"panel {panel!r}: {'.'.join(map(str, problem.location))}: {problem.text}") from None
        look_for_modules(self.settings.panels, self.settings.file.parent, self.settings.dashboard.parent)
        drawn = panel_named(settings.panel)
        try:
            return drawn.draw(drawn.read(self.results, settings), Looks(self.architectures))
        except NotThereError as missing:
            raise HpoError(f"panel {panel!r}: {missing}") from None

    def _repr_html_(self) -> str:
        """What a notebook shows: the headline metric before and after, a row each."""
        metric = self.results.settings.test_metric
        compared = self.compare()
        rows = []
        for name in self.architectures:
            values = [html.escape(name)]
            if name in compared:
                found = compared[name].metrics[metric]
                difference = found.difference
                interval = f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
                values += [f"{found.before.value:.3f}", f"{found.after.value:.3f}", interval]
            else:
                finished = sum(len(self.results.finished(stage, name)) for stage in STAGES)
                values += [f"{finished} trials finished, not tested yet", "", ""]
            rows.append("".join(f"<td>{value}</td>" for value in values))
        heading = "".join(f"<th>{text}</th>" for text in (self.name, f"test {metric} before", "after", "difference"))
        return f"<table><tr>{heading}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def open_study(file: Path | str, database: str | None = None) -> Study:
    """A study by its file.

    Args:
        file: the study file, such as ``studies/quickstart.yaml``.
        database: URL that overrides HPO_DATABASE and the file's.

    Raises:
        ConfigError: if the file, or one that it names, says what it may not say; a study that has begun opens all the
            same, as it was planned.
    """
    try:
        return Study(load_study(file, database))
    except ConfigError as error:
        try:
            with looking_at(str(file), database) as begun:
                return Study(begun.study)
        except HpoError:
            raise error from None
