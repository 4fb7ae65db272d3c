"""From a model file and its contract to a smaller one beside its own contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posekit.bundle import folders
from posekit.compression.network.agreement import as_tensor, runner
from posekit.compression.network.graph import Graph, batched, cloned, copied, export_network, multiply_adds, save
from posekit.compression.network.low_rank import factorise
from posekit.compression.network.options import CompressOptions
from posekit.compression.network.prune import prune
from posekit.compression.network.recovery import Recovered, recover
from posekit.compression.network.result import Compressed, LayerChange, Size
from posekit.compression.network.sparsity import Masks, sparsify
from posekit.compression.network.teaching import teacher_of
from posekit.compression.network.views import Bank, cases_to_judge, held_out
from posekit.contract.spec import PoseSpec, canonical_json
from posekit.errors import ConversionError, InputError
from posekit.parity.cases import Case
from posekit.pipelines.inputs import own_spec
from posekit.poses.photos import find_photos
from posekit.progress import Progress, announced, silent
from posekit.sources import open_source
from posekit.sources.reference import run_reference
from posekit.targets.graph.lowering import relative_rms

REPORT, WHAT = "compress.json", "compressed model"
POOR_OKS = 0.95  # against the original: below it the result is rather another network
LOOKED_AT = 40  # pictures, of whose crops the layers are shown
STATISTICS = 96  # crops
MAX_RELATIVE_RMS = 1e-4  # of the file that was written, run anew, against the network that was meant


def _is_compressed(folder: Path) -> bool:
    return (folder / REPORT).is_file()


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the networks are shown. damaged: pictures that could not be read, of those to judge by; warnings: of what
    was left out before."""

    bank: Bank
    cases: tuple[Case, ...]
    damaged: int
    warnings: tuple[str, ...]


def compress(
    model: Path, spec: PoseSpec, wanted: CompressOptions, out: Path, *, overwrite: bool = False, arch: str = "",
    trust: bool = False, weights: str = "", step: Progress = silent,
) -> Compressed:  # fmt: skip
    """Write `out`/NAME-compressed: NAME.pt2, its contract NAME.json, and compress.json of what was done and measured.

    The network is pruned, then factorised, then thinned, then recovered, or taught by `wanted.teacher`. InputError
    (exit 2) for what cannot be asked, too few pictures, or a network of which nothing becomes smaller; ConversionError
    (exit 4) where it cannot be exported.
    """
    wanted.check()
    folder = out / f"{spec.name}-compressed"
    folders.check_place(folder, WHAT, _is_compressed, overwrite=overwrite)
    with announced(step, "open the model"):
        source = open_source(model, spec, arch=arch, trust=trust, weights=weights)
    with announced(step, "export the network"):
        original, names = export_network(source, spec)
    teacher, taught_by = original, ""
    if wanted.teacher is not None:
        with announced(step, "export the teacher"):
            teacher, taught_by = teacher_of(wanted, own_spec(wanted.teacher), spec, names, original, trust)
    pictures = None
    if wanted.recover is not None:
        with announced(step, "look at the pictures"):
            pictures = _pictures(wanted, spec, teacher, names)
    with announced(step, "make the network smaller"):
        small, masks, changes = _smaller(original, wanted, spec, pictures)
    recovered = None
    if pictures is not None:
        with announced(step, "recover"):
            recovered = recover(teacher, small, masks, names, spec, pictures.bank, pictures.cases, wanted, step)
    with (
        announced(step, "write the model"),
        folders.writing(folder, WHAT, _is_compressed, overwrite=overwrite) as partial,
    ):
        file = partial / f"{spec.name}.pt2"
        save(small, names, spec.input.size_wh, file)
        _check_written(file, small, names, spec)
        (partial / f"{spec.name}.json").write_bytes(canonical_json(spec))
        sizes = _size(original, spec, model), _size(small, spec, file)
        result = _result(folder, spec, sizes, changes, recovered, (source.sha256, taught_by), wanted, pictures)
        (partial / REPORT).write_text(json.dumps(result.as_json(), indent=1, allow_nan=False) + "\n")
    return result


def _result(
    folder: Path, spec: PoseSpec, sizes: tuple[Size, Size], changes: Sequence[LayerChange], recovered: Recovered | None,
    hashes: tuple[str, str], wanted: CompressOptions, pictures: Pictures | None,
) -> Compressed:  # fmt: skip
    return Compressed(
        folder,
        folder / f"{spec.name}.pt2",
        folder / f"{spec.name}.json",
        *sizes,
        recovered.before if recovered else None,
        recovered.after if recovered else None,
        recovered.steps if recovered else 0,
        tuple(changes),
        hashes[0],
        wanted.as_json(),
        _notes(wanted, pictures, recovered),
        hashes[1],
    )


def _pictures(wanted: CompressOptions, spec: PoseSpec, original: Graph, names: tuple[str, ...]) -> Pictures:
    assert wanted.recover is not None
    rng = np.random.default_rng(wanted.seed)
    found = find_photos(wanted.recover, wanted.annotations, spec.keypoints.names, with_nobody=spec.has_several)
    to_learn, to_judge = held_out(found.photos, rng)
    run = runner(batched(original, spec.input.size_wh), names, spec)
    cases, damaged = cases_to_judge(to_judge, spec, run, rng)
    if not cases:
        raise InputError(f"none of {len(to_judge)} pictures of {wanted.recover} could be read", "are they damaged?")
    return Pictures(Bank(to_learn, spec, run, rng), tuple(cases), damaged, found.warnings)


def _smaller(
    original: Graph, wanted: CompressOptions, spec: PoseSpec, pictures: Pictures | None
) -> tuple[Graph, Masks, list[LayerChange]]:
    """The smaller network, not yet recovered; InputError where nothing became smaller."""
    size_wh, small, masks = spec.input.size_wh, cloned(original), Masks()
    inputs: list[Any] = []
    if pictures is not None and (wanted.prune is not None or wanted.low_rank is not None):
        for _ in range(LOOKED_AT):
            pictures.bank.visit()
        inputs = [row[None] for row in as_tensor(pictures.bank.batch(STATISTICS), spec)]
    changes: list[LayerChange] = []
    if wanted.prune is not None:
        changes += prune(small, wanted.prune, size_wh, inputs)
    if wanted.low_rank is not None:
        changes += factorise(small, wanted.low_rank, size_wh, inputs)
    small = copied(small)  # without the parameters that nothing reads any more
    if wanted.sparsity is not None:
        masks, thinned = sparsify(small, wanted.sparsity, size_wh)
        changes += thinned
    may_stay = wanted.quantize or wanted.sparsity is not None or (wanted.teacher is not None and not changes)
    if not may_stay and all(change.left for change in changes):
        reasons = "; ".join(sorted({f"{change.layer}: {change.left}" for change in changes})[:3])
        raise InputError(
            f"nothing of the {len(changes)} layers became smaller: {reasons}",
            "give a larger --low-rank or --prune" if changes else "is it a network of convolutions or linear layers?",
        )
    return small, masks, changes


def _check_written(file: Path, small: Graph, names: tuple[str, ...], spec: PoseSpec) -> None:
    """ConversionError unless the file, opened as any model's, gives what the network gives."""
    pixels = np.random.default_rng(0).uniform(0, 255, (*spec.input.size_wh[::-1], 3)).astype(np.float32)
    seen = run_reference(open_source(file), spec.looking_once, pixels)
    (expected,) = runner(small, names, spec)(pixels[None])
    for name, values in expected.items():
        error = relative_rms(seen[name], values)
        if not error <= MAX_RELATIVE_RMS:
            raise ConversionError(f"output {name!r} of the file that was written is off by {error:.2g}", "report this")


def _size(graph_module: Graph, spec: PoseSpec, file: Path) -> Size:
    parameters = list(graph_module.parameters())
    return Size(
        multiply_adds(graph_module, spec.input.size_wh),
        sum(parameter.numel() for parameter in parameters),
        sum(int((parameter == 0).sum()) for parameter in parameters),
        file.stat().st_size,
    )


def _notes(wanted: CompressOptions, pictures: Pictures | None, recovered: Recovered | None) -> tuple[str, ...]:
    notes: list[str] = []
    other = "original" if wanted.teacher is None else "teacher"
    if pictures is None or recovered is None:
        return ("without --recover nothing was measured: keypoints may be far off",)
    if recovered.after == recovered.before:
        notes.append(
            f"no step of the recovery agreed better with the {other}, so the weights are as they were before it"
        )
    if recovered.after.oks < POOR_OKS:
        notes.append(f"OKS {recovered.after.oks:.3f} with the {other}: ask for less, or give more pictures or minutes")
    notes += pictures.warnings
    damaged = pictures.damaged + len(pictures.bank.damaged)
    if damaged:
        notes.append(f"{damaged} pictures could not be read and were left out")
    if wanted.quantize:
        notes.append(
            "the agreement is of the network rounded to 8 bits as torch simulates it; the file itself is float"
        )
    return tuple(notes)
