"""Faults in the contract: in one place, or everywhere at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from posekit import bundle
from posekit.bundle import golden, wrapper
from posekit.contract.precisions import TFLITE
from posekit.contract.spec import PoseSpec, canonical_json, contract_hash, parse_spec, read_spec
from tests.faults.files import (
    REPORT,
    TRACE,
    Random,
    edit,
    model_of,
    wrapper_of,
)


def _changed_spec(spec: PoseSpec, rng: Random) -> tuple[PoseSpec, str] | None:
    data = spec.model_dump(mode="json", by_alias=True)
    given, decoder, keypoints = data["input"], data["decoder"], data["keypoints"]
    field = rng.choice(
        sorted(
            [
                *(f"input.{key}" for key in given),
                *(f"decoder.{key}" for key in decoder),
                "keypoints.order",
                "kind",
                "outputs",
            ]
        )
    )
    where, _, key = field.partition(".")
    part = data if not key else data[where]
    name = key or where
    choices = {
        "color_order": ["rgb", "bgr"], "resize": ["affine_crop", "letterbox", "stretch"],
        "alignment": ["half_pixel", "index", "corners"] if where == "input" else ["stride", "corners"],
        "refinement": ["none", "quarter", "dark"], "activation": ["none", "sigmoid"], "kind": ["top_down", "one_stage"],
    }  # fmt: skip
    if name == "order":
        i, j = rng.sample(range(len(keypoints["names"])), 2)
        keypoints["skeleton"] = ""
        for one in ("names", "oks_sigmas"):
            keypoints[one][i], keypoints[one][j] = keypoints[one][j], keypoints[one][i]
    elif name == "kind" and where != "kind":
        return None
    elif name in choices:
        part[name] = rng.choice([one for one in choices[name] if one != part[name]])
    elif name in ("mean", "std"):
        part[name][rng.randrange(3)] += rng.choice([-20.0, -1.0, 1.0, 10.0])
    elif name == "size_wh":
        part[name][rng.randrange(2)] += rng.choice([-8, 8])
    elif name == "box_padding":
        part[name] = round(part[name] * rng.choice([0.8, 0.96, 1.1]), 4)
    elif name == "pad_value":
        part[name] = rng.choice([one for one in (0.0, 114.0, 127.5) if one != part[name]])
    elif name in ("blur_kernel",):
        if "dark" not in decoder["refinement"]:
            return None
        part[name] += 4
    else:
        return None
    changed = parse_spec(data, "a planted fault")
    return (changed, field) if changed != spec else None


def everywhere(folder: Path, rng: Random) -> str:
    """A field of the contract, with the wrapper rendered and the golden vectors made anew, in the model and every
    hash."""
    old = read_spec(folder / bundle.CONTRACT)
    try:
        found = _changed_spec(old, rng)
    except Exception:
        return ""
    if found is None:
        return ""
    rewritten(folder, found[0])
    return found[1]


def rewritten(folder: Path, spec: PoseSpec) -> None:
    """Put another contract into a bundle, everything that is rendered from it made anew."""
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    platform, model = manifest["platform"], model_of(folder)
    if platform in TFLITE:
        _embed(model, spec)
    else:
        from posekit.runtimes.mlpackage import read_specification
        from posekit.targets.coreml import target as coreml

        proto = read_specification(model)
        coreml._describe(proto, spec)
        coreml._write_alike(model, proto)
    from posekit.pipelines.consistency.signature import signature_of

    found_signature = signature_of(platform, model)
    tree = wrapper_of(folder)
    shutil.rmtree(tree)
    network = wrapper.Network(model.name, found_signature.outputs, found_signature.minimum_system)
    assets = wrapper.render(platform, spec, network, tree)
    (shutil.copytree if model.is_dir() else shutil.copyfile)(model, assets / model.name)
    shutil.rmtree(folder / bundle.GOLDEN)
    golden.write(folder / bundle.GOLDEN, spec)
    (folder / bundle.CONTRACT).write_bytes(canonical_json(spec))
    value = contract_hash(spec)
    edit(folder / TRACE, lambda document: document.update(contract_sha256=value))
    edit(folder / REPORT, lambda document: document.update(contract_sha256=value), sort_keys=True)
    edit(folder / bundle.MANIFEST, lambda document: document.update(contract_sha256=value), sort_keys=True)


def _embed(model: Path, spec: PoseSpec) -> None:
    """Another contract in a .tflite, its metadata written anew."""
    from posekit.targets.litert import tflite_file

    found = tflite_file.unpack(model.read_bytes())
    shapes = {
        tflite_file.text(one.name): tuple(int(n) for n in found.subgraphs[0].tensors[one.tensorIndex].shape)
        for one in found.signatureDefs[0].outputs
    }
    outputs = list(shapes)
    for one in found.metadata:
        if tflite_file.text(one.name) == tflite_file.METADATA_BUFFER:
            found.buffers[one.buffer].data = tflite_file.metadata_of(
                spec, outputs, [n for n in spec.decoder.outputs if n in outputs]
            )
    found.description = f"{spec.name} {spec.version}"
    names = "\n".join(spec.keypoints.names) + "\n"
    files = {"keypoints.txt": names.encode(), "pose.json": canonical_json(spec)}
    model.write_bytes(tflite_file.append_files(tflite_file.pack(found), files))


def alone(folder: Path, rng: Random) -> str:
    """A field of pose.json, at the root or in the wrapper, with the hash of the manifest."""
    found = None
    while found is None:
        try:
            found = _changed_spec(read_spec(folder / bundle.CONTRACT), rng)
        except Exception:
            continue
    where = rng.choice([folder / bundle.CONTRACT, next(wrapper_of(folder).rglob(bundle.CONTRACT))])
    where.write_bytes(canonical_json(found[0]))
    if where.parent == folder:
        value = contract_hash(found[0])
        edit(folder / bundle.MANIFEST, lambda document: document.update(contract_sha256=value), sort_keys=True)
    return f"{found[1]} in {where.relative_to(folder)}"
