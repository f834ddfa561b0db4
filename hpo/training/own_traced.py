"""Functions of the user's own that run inside the compiled step: traced, and refused in one line if they cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.models.own_function import file_hint, import_function, settings_kept
from hpo.plain import in_a_line
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.key import canonical

Traced = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From two tensors to one."""


def traced(
    spec: FunctionSpec, signature: Sequence[Any], problem: Callable[[Any, tf.Tensor], str], must: str, advice: str
) -> Traced:
    """The user's function with its arguments, traced by TensorFlow.

    Args:
        spec: the function, of two tensors.
        signature: their shapes and types.
        problem: says what is wrong with what the function returned of the first of them; empty if nothing is.
        must: what it must do, for whoever has to mend it.
        advice: what is wrong with an operation that is not the same each time, and what to do instead.

    Raises:
        TrainingError: if it cannot be imported, raises, returns what is wrong, or is not the same each time.
    """
    with settings_kept(spec):
        function = import_function(spec)
    arguments = canonical(dict(spec.arguments))  # as the key has them: a whole number is an int
    faults: list[str] = []

    def call(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        try:
            result = function(first, second, **arguments)
        except (Exception, SystemExit) as error:
            faults.append(f"it uses a random operation, {advice}" if _is_random(error) else _named(spec, error))
            raise
        wrong = problem(result, first)
        if wrong:
            faults.append(f"{wrong}; it must {must}")
            raise TypeError(wrong)
        return result

    compiled: Traced = tf.function(call, input_signature=signature)
    try:
        with settings_kept(spec):
            graph = compiled.get_concrete_function().graph  # type: ignore[attr-defined]
    except TrainingError:
        raise
    except (Exception, SystemExit) as error:
        said = faults[0] if faults else _named(spec, error)
        raise TrainingError(f"{spec.function}: {said}") from error
    stateful = sorted({operation for operation in _operations(graph) if _is_stateful(operation)})
    if stateful:
        raise TrainingError(f"{spec.function}: it uses {stateful[0]}, {advice}")
    return compiled


def _named(spec: FunctionSpec, error: BaseException) -> str:
    return f"{type(error).__name__}: {in_a_line(error)}{file_hint(spec, error)}"


def _is_random(error: BaseException) -> bool:
    """Whether it is TensorFlow's refusal of an unseeded random operation, which advises a seed for the process."""
    return isinstance(error, RuntimeError) and "when determinism is enabled" in str(error)


def _operations(graph: Any) -> Iterator[str]:
    """The types of all operations, those of functions that the graph calls included."""
    for definition in (graph.as_graph_def(),):
        yield from (node.op for node in definition.node)
        for function in definition.library.function:
            yield from (node.op for node in function.node_def)


def _is_stateful(operation: str) -> bool:
    """Whether a type of operation keeps or changes something between two calls."""
    if "Stateless" in operation:
        return False
    # tf.random.Generator draws statelessly from a state of its own, which RngReadAndSkip moves on.
    begins = operation.startswith(("Assign", "Rng", "ResourceScatter", "StatefulUniform", "StatefulStandard"))
    # A seeded one counts its calls in the process, so that a resumed training would begin to count anew.
    drawn = ("Random", "Multinomial", "TruncatedNormal", "CandidateSampler", "SampleDistorted")
    return begins or any(part in operation for part in ("PyFunc", *drawn))
