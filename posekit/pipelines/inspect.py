"""What a file is, told without running more of it than is safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posekit import bundle, documents
from posekit.contract.precisions import TFLITE
from posekit.contract.presets import preset_names
from posekit.errors import InputError, MissingToolError, reading, said
from posekit.progress import captured
from posekit.runtimes.mlpackage import read_specification
from posekit.targets import TARGETS, lint

SIZE_WH = (256, 256)  # of a picture for a network that says no size of its own


def inspect(path: Path, spec: str, arch: str, trust: bool, weights: str, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Facts about a bundle, a packaged model or a source model, by name."""
    packaged = next((name for name, one in TARGETS.items() if path.suffix == one.suffix and path.exists()), "")
    if changes and (packaged or bundle.is_bundle(path)):
        raise InputError(f"{path} is a bundle or a file of one, whose contract is fixed", "leave out --set")
    if bundle.is_bundle(path):
        opened = bundle.open_bundle(path)
        facts = {key: opened.manifest[key] for key in ("platform", "precision", "status", "contract_sha256", "tools")}
        return {
            "form": "posekit bundle",
            "name": opened.spec.name,
            **facts,
            **_packaged(opened.model_path, opened.platform),
        }
    if packaged and (packaged != "android" or _has_contract(path)):
        return _packaged(path, packaged)
    return _source(path, spec, changes, arch, trust, weights)


def _has_contract(path: Path) -> bool:
    """Whether a .tflite is posekit's: other people's are sources."""
    try:
        return bool(TARGETS["android"].contract_of(path))
    except InputError:
        return False


def _packaged(path: Path, platform: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"model": path.name, "model_form": TARGETS[platform].suffix.removeprefix(".")}
    facts |= _tflite(path) if platform in TFLITE else _mlpackage(path)
    try:
        facts["lint"] = lint.lint(platform, path)
    except MissingToolError as error:
        facts["lint"] = f"SKIPPED: {error.message}"
    try:
        facts["contract"] = documents.parse(TARGETS[platform].contract_of(path))
    except InputError as error:
        facts["contract"] = f"none: {error.message}"
    except ValueError as error:
        facts["contract"] = f"damaged{said(error)}"
    return facts


def _tflite(path: Path) -> dict[str, Any]:
    from posekit.runtimes import litert
    from posekit.targets.litert.tflite_file import op_counts
    from posekit.targets.litert.tflite_layers import stored

    with captured(), litert.refusals(path, "load"):
        runner = litert.opened(path).get_signature_runner()
        sides = {"inputs": runner.get_input_details(), "outputs": runner.get_output_details()}
    facts: dict[str, Any] = {
        side: {name: f"{d['dtype'].__name__} {[int(s) for s in d['shape']]}" for name, d in details.items()}
        for side, details in sides.items()
    }
    with reading(path):  # LiteRT loads what names buffers that are not there
        return {**facts, "layers": stored(path.read_bytes()), "operations": op_counts(path.read_bytes())}


def _mlpackage(path: Path) -> dict[str, Any]:
    from posekit.targets.coreml.readback import stored
    from posekit.targets.coreml.target import op_counts

    program = read_specification(path)

    def side(features: Any) -> dict[str, str]:
        return {f.name: f"float32 {list(f.type.multiArrayType.shape)}" for f in features}

    return {
        "inputs": side(program.description.input),
        "outputs": side(program.description.output),
        "minimum_specification": program.specificationVersion,
        "layers": stored(path),
        "operations": op_counts(program),
    }


def _source(path: Path, spec: str, changes: Sequence[str], arch: str, trust: bool, weights: str) -> dict[str, Any]:
    from posekit.pipelines.inputs import find_spec, spec_beside
    from posekit.sources import described, open_source
    from posekit.sources.recognise import Form

    facts = described(path, trust=trust)
    if facts and facts["form"] == Form.TFLITE:
        facts |= _stored(path)
    source = None if facts else open_source(path, arch=arch, trust=trust, weights=weights)
    facts = facts or _of_torch(source)
    try:
        contract = find_spec(path, spec, changes, arch=arch, trust=trust, weights=weights)
    except InputError:
        if spec or changes or spec_beside(path) or (source is not None and source.draft is not None):
            raise
        facts |= {} if source is None else {"returns": _returned(source)}
        return {**facts, "contract": f"none given; presets: {', '.join(preset_names())}"}
    source = source or open_source(path, contract, trust=trust)
    facts["contract"] = contract.model_dump(mode="json", by_alias=True)
    facts["packaged_outputs" if "outputs" in facts else "outputs"] = _outputs(source, contract)
    return facts


def _of_torch(source: Any) -> dict[str, Any]:
    parameters = source.module.state_dict()
    return {
        "form": str(source.form),
        "sha256": source.sha256,
        "parameters": sum(tensor.numel() for tensor in parameters.values() if tensor.is_floating_point()),
        **{f"says_{key}": value for key, value in source.facts.items()},
    }


def _returned(source: Any) -> dict[str, str] | str:
    """The shapes that a network gives for a black picture of its own size, else of SIZE_WH; or why it was not run."""
    import numpy as np

    from posekit.contract.drafts.fitting import probe
    from posekit.sources.fixed_size import fixed_size_wh
    from posekit.sources.reference import run_reference

    width, height = fixed_size_wh(source) or SIZE_WH
    try:
        outputs = run_reference(source, probe((width, height), "rgb", ()), np.zeros((height, width, 3), np.float32))
    except InputError as error:
        return f"SKIPPED: {error.message}"
    of = f"of 1 x 3 x {height} x {width}"
    return {name: f"{' x '.join(map(str, values.shape))}, {of}" for name, values in outputs.items()}


def _stored(path: Path) -> dict[str, Any]:
    """How the layers of a .tflite are stored, and what a GPU makes of its operations."""
    from posekit.targets.litert.tflite_layers import stored

    with reading(path):
        return {"layers": stored(path.read_bytes()), "lint": lint.lint("android", path)}


def _outputs(source: Any, contract: Any) -> dict[str, list[int]]:
    import numpy as np

    from posekit.contract.outputs import check_outputs
    from posekit.sources.reference import run_reference

    width, height = contract.input.size_wh
    outputs = run_reference(source, contract, np.zeros((height, width, 3), np.float32))
    check_outputs({name: values.shape for name, values in outputs.items()}, contract)
    return {name: list(values.shape) for name, values in outputs.items()}
