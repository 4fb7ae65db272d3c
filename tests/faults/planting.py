"""Plant the fault of a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.faults import code, compressed, contract, evidence, model, told
from tests.faults.files import Random, paged, sealed, sealed_manifest

KINDS: dict[str, Callable[[Path, Random], str]] = {
    "a number in code": code.number,
    "an operator in code": code.operator,
    "a line of the wrapper": code.line,
    "a file of the wrapper": code.file,
    "keypoint names in code": code.names,
    "code of another version": code.version,
    "the contract everywhere": contract.everywhere,
    "pose.json alone": contract.alone,
    "a tensor of the evidence": evidence.tensor,
    "a field of a case": evidence.case_field,
    "fewer cases": evidence.fewer_cases,
    "another picture": evidence.picture,
    "the trace": evidence.trace,
    "golden vectors": evidence.golden_vectors,
    "the recipe": told.recipe,
    "another precision everywhere": told.precision_everywhere,
    "the manifest": told.manifest,
    "the report": told.report,
    "figures everywhere": told.figures_everywhere,
    "a page": told.page,
    "a stray file": told.stray_file,
    "weights": model.weights,
    "weights and figures": model.and_figures(model.weights),
    "an operation": model.operation,
    "an operation and figures": model.and_figures(model.operation),
    "bytes without a meaning": model.bytes_without_meaning,
    "a constant without a reader": model.constant_without_reader,
    "the model of the wrapper": model.in_wrapper,
    "a scale": compressed.scale,
    "a scale and figures": model.and_figures(compressed.scale),
    "a table's entry": compressed.table_entry,
    "a table's entry and figures": model.and_figures(compressed.table_entry),
    "a layer of the report": compressed.layer,
    "the names of two layers": compressed.layer_names,
    "the recipe of a layer, everywhere": compressed.recipe_of_a_layer,
    "reasons and notes": compressed.reasons_and_notes,
    "a gate": compressed.gate,
    "a step": compressed.step,
    "the size": compressed.size,
    "the calibration": compressed.calibration,
}
AFTER_THE_HASHES = ("the size",)  # which would be written anew with them
OWN_PAGES = ("a page", "the report")


def planted(folder: Path, seed: int) -> str:
    """Plant the fault of that number; what it is, in words. The same number gives the same fault."""
    rng = Random(seed)
    names = sorted(KINDS)
    while True:  # a kind may have nothing to change in this bundle
        kind = names[rng.randrange(len(names))]
        said = KINDS[kind](folder, rng)
        if said:
            seal = sealed_manifest if kind in AFTER_THE_HASHES else sealed
            seal(folder)
            if kind not in OWN_PAGES:
                paged(folder, seal)
            return f"{kind}: {said}"
