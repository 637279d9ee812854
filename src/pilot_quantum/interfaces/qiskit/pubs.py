"""PUBs as users write them, checked before anything is submitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, QuantumCircuit
from qiskit.primitives.containers import DataBin
from qiskit.primitives.containers.estimator_pub import EstimatorPub, EstimatorPubLike
from qiskit.primitives.containers.sampler_pub import SamplerPub, SamplerPubLike

from pilot_quantum.errors import CircuitError
from pilot_quantum.workload.traits import Traits

Pub = TypeVar("Pub", SamplerPub, EstimatorPub)


class Checked(NamedTuple, Generic[Pub]):
    """A PUB, and the values of its bindings: the last axis over `circuit.parameters`."""

    pub: Pub
    values: NDArray[np.float64]


_RESERVED = frozenset(getattr(DataBin, "_RESTRICTED_NAMES", ())) | {"shape"}


def sampler_pubs(pubs: Iterable[SamplerPubLike], shots: int) -> list[Checked[SamplerPub]]:
    """`pubs` with `shots` where they name none. Raises CircuitError or TypeError naming the PUB."""
    return _coerced(pubs, lambda pub: SamplerPub.coerce(pub, shots), "sampler.run([(circuit, values)])")


def estimator_pubs(pubs: Iterable[EstimatorPubLike], precision: float) -> list[Checked[EstimatorPub]]:
    """`pubs` with `precision` where they name none. Raises CircuitError or TypeError naming the PUB."""
    return _coerced(
        pubs, lambda pub: EstimatorPub.coerce(pub, precision), "estimator.run([(circuit, observables, values)])"
    )


def check_sampler(index: int, pub: SamplerPub) -> None:
    """Raise CircuitError when the result could have no attribute of a register's name."""
    for register in pub.circuit.cregs:
        if register.name in _RESERVED or register.name.startswith("__"):
            raise CircuitError(
                f"{label(index, pub.circuit)}: a classical register is called {register.name!r}, a name that the "
                f"result keeps for itself. Rename it: ClassicalRegister({register.size}, 'c')."
            )


def check_estimator(index: int, pub: EstimatorPub, traits: Traits) -> None:
    """Raise CircuitError when the circuit does not end in one state to take an expectation value in."""
    if traits.measures:
        raise CircuitError(
            f"{label(index, pub.circuit)} measures, and an expectation value is one of the state that a measurement "
            f"destroys. Remove the measurements, circuit.remove_final_measurements(inplace=False), "
            f"or count outcomes with session.sampler()."
        )
    if traits.impure:
        raise CircuitError(
            f"{label(index, pub.circuit)} contains {traits.impure}, so that it ends in a mixture of states, of which "
            f"the estimator gives no expectation value. Remove it, or count outcomes with session.sampler()."
        )


def label(index: int, circuit: QuantumCircuit) -> str:
    """How errors call the circuit of a PUB."""
    return f"PUB {index}: circuit {circuit.name!r}"


def _coerced(pubs: Iterable[Any], coerce: Callable[[Any], Pub], example: str) -> list[Checked[Pub]]:
    single = isinstance(pubs, QuantumCircuit | SamplerPub | EstimatorPub | CircuitInstruction)
    if single or not isinstance(pubs, Iterable):
        raise TypeError(f"run takes a list of PUBs, not {type(pubs).__name__}: {example}.")
    pubs = list(pubs)
    for index, pub in enumerate(pubs):
        if index and isinstance(pubs[0], QuantumCircuit) and not _is_pub(pub):
            raise TypeError(
                f"run takes a list of PUBs; element {index} is of type {type(pub).__name__}. "
                f"A single PUB goes into a list: {example}."
            )
        if not isinstance(pub, QuantumCircuit | SamplerPub | EstimatorPub | CircuitInstruction | tuple | list):
            raise TypeError(f"PUB {index} is of type {type(pub).__name__}; write it as in {example}.")
    found = []
    for index, pub in enumerate(pubs):
        try:
            coerced = coerce(pub)
            values = coerced.parameter_values.as_array(coerced.circuit.parameters)
        except TypeError as error:
            raise TypeError(f"PUB {index}: {_text(error)}") from error
        except ValueError as error:
            text = _text(error).rstrip(".")
            hint = _parameters(pub) if "parameter" in text.lower() else ""
            raise CircuitError(f"PUB {index}: {text}.{hint}") from error
        if not np.isfinite(values).all():
            raise CircuitError(f"{label(index, coerced.circuit)}: {_not_finite(coerced)}")
        found.append(Checked(coerced, values))
    return found


def _is_pub(value: Any) -> bool:
    first = value[0] if isinstance(value, tuple | list) and value else value
    return isinstance(first, QuantumCircuit | SamplerPub | EstimatorPub)


def _not_finite(pub: SamplerPub | EstimatorPub) -> str:
    for names, values in pub.parameter_values.data.items():
        for *place, column in np.argwhere(~np.isfinite(values)).tolist():
            value = values[(*place, column)]
            return f"parameter {names[column]!r} has the value {value} at {tuple(place)}; give finite values."
    raise AssertionError("called for values that are not finite")


def _text(error: Exception) -> str:
    # Qiskit raises some errors with two arguments where one text was meant.
    return " ".join(str(part).strip() for part in error.args)


def _parameters(pub: Any) -> str:
    """What the circuit of a PUB that was refused wants bound, for the end of the error."""
    circuit = pub if isinstance(pub, QuantumCircuit) else pub[0] if isinstance(pub, tuple | list) and pub else None
    if not isinstance(circuit, QuantumCircuit) or not circuit.num_parameters:
        return ""
    names = [parameter.name for parameter in circuit.parameters]
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return (
        f" Circuit {circuit.name!r} has {len(names)} parameters ({shown}): give their values, the last axis over "
        f"parameters, in the PUB, or bind them with circuit.assign_parameters(values)."
    )
