"""Faults in the model file: its constants, its operations, bytes that nothing refers to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle
from posekit.contract.spec import read_spec
from posekit.runtimes.mlpackage import data_folder, specification_file
from posekit.targets.litert import tflite_file
from tests.faults.constants import Array, opened, operations_of
from tests.faults.files import CASES, REPORT, Random, edit, model_of, shipped_model_of

Kind = Callable[[Path, Random], str]
RELU, RELU6 = 1, 3  # ActivationFunctionType


def weights(folder: Path, rng: Random) -> str:
    """A weight or constant of the model file."""
    model, how = opened(folder), rng.choice(["scaled", "one", "sign"])
    constant = rng.choice([one for one in model.constants if one.part not in ("axes", "axis", "perm", "shape")])
    values = changed(constant.values, how, rng)
    if np.array_equal(values, constant.values):
        return ""
    constant.store(values)
    model.save()
    return f"{how}, {constant.part} of {constant.name}"


def changed(values: Array, how: str, rng: Random) -> Array:
    """The same with all, or one, of its values another."""
    values, at = values.copy(), rng.randrange(values.size)
    if values.dtype.kind == "f":
        if how == "scaled":
            values *= values.dtype.type(1.1)
        elif how == "one":
            values[at] += values.dtype.type(0.5 * max(float(np.abs(values).max()), 1e-3))
        else:
            values[at] = -values[at] if values[at] else 0.5
        return values
    limits = np.iinfo(values.dtype)
    if how == "scaled":
        return np.asarray(np.clip(np.round(values * 1.1), limits.min, limits.max), values.dtype)
    one = int(values[at])
    new = one + rng.choice([-60, 3, 17]) if how == "one" else -one - (limits.min < 0)
    values[at] = min(max(new, limits.min), limits.max)
    return values


def operation(folder: Path, rng: Random) -> str:
    """Another operation, or option of one, in the place of what the network has."""
    model = opened(folder)
    if model_of(folder).suffix == ".tflite":
        with_relu = [
            one
            for one in model.content.subgraphs[0].operators
            if getattr(one.builtinOptions, "fusedActivationFunction", 0) == RELU
        ]
        if not with_relu:
            return ""
        new = rng.choice([0, RELU6])
        rng.choice(with_relu).builtinOptions.fusedActivationFunction = new
        said = f"fused activation {new} for {RELU}"
    else:
        old, new_name = rng.choice([("relu", "relu6"), ("relu", "identity"), ("sub", "add"), ("mul", "real_div")])
        found = [one for one in operations_of(model.content) if one.type == old]
        if not found:
            return ""
        rng.choice(found).type = new_name
        said = f"{new_name} for {old}"
    model.save()
    return said


def bytes_without_meaning(folder: Path, rng: Random) -> str:
    """Bytes that nothing refers to, in a file of the model."""
    model, shipped = model_of(folder), shipped_model_of(folder)
    more = rng.randbytes(rng.choice([1, 64, 300]))
    if model.suffix == ".tflite":
        data = model.read_bytes()
        behind = len(tflite_file.pack(tflite_file.unpack(data)))
        at, said = rng.choice(
            [(len(data), "the end"), (behind, "the flatbuffer"), (data.index(b"PK\1\2"), "the files")]
        )
        if said == "the end":
            model.write_bytes(data + more)
        elif said == "the flatbuffer":
            from tests.faults.constants import write_tflite

            write_tflite(folder, data[:at] + more)
        else:  # zip programs take the distance for a prefix
            model.write_bytes(data[:behind] + more + data[behind:])
        shutil.copyfile(model, shipped)
        return f"{len(more)} bytes behind {said}"
    path = rng.choice(
        [data_folder(model) / "weights" / "weight.bin", specification_file(model), model / "Manifest.json"]
    )
    how = rng.choice(["behind", "between"]) if path.name == "weight.bin" else "behind"
    data = bytearray(path.read_bytes())
    if path.name == "weight.bin" and how == "between":
        at = data.rindex(0xDEADBEEF.to_bytes(4, "little")) + 40  # what a record has no use for
        data[at : at + 8] = rng.randbytes(8)
    elif path.name == "model.mlmodel":
        data += bytes([0xFA, 0xFF, 0x07, len(more) & 0x7F]) + more[: len(more) & 0x7F]  # a field that nobody knows
    elif path.name == "Manifest.json":
        document = json.loads(data)
        document["more"] = more.hex()
        data = bytearray((json.dumps(document, indent=2, sort_keys=True) + "\n").encode())
    else:
        data += more
    path.write_bytes(bytes(data))
    shutil.copyfile(path, shipped / path.relative_to(model))
    return f"{len(more)} bytes {how} {path.name}"


def constant_without_reader(folder: Path, rng: Random) -> str:
    """A constant that no operation reads."""
    model = opened(folder)
    if model_of(folder).suffix == ".tflite":
        from ai_edge_litert import schema_py_generated as schema

        buffer, tensor = schema.BufferT(), schema.TensorT()
        buffer.data = np.frombuffer(rng.randbytes(64), np.uint8)
        model.content.buffers.append(buffer)
        said = "a buffer"
        if rng.random() < 0.6:
            tensor.name, tensor.shape, tensor.type, tensor.buffer = "more", [64], 9, len(model.content.buffers) - 1
            model.content.subgraphs[0].tensors.append(tensor)
            said = "a tensor"
        elif rng.random() < 0.5:
            metadata = schema.MetadataT()
            metadata.name, metadata.buffer = "more", len(model.content.buffers) - 1
            model.content.metadata.append(metadata)
            said = "metadata"
    else:
        operations = next(
            iter(next(iter(model.content.mlProgram.functions.values())).block_specializations.values())
        ).operations
        constant = next(one for one in operations if one.type == "const")
        more = type(constant).FromString(constant.SerializeToString())
        more.outputs[0].name = "more"
        operations.insert(0, more)
        said = "an operation"
    model.save()
    return said


def and_figures(kind: Kind) -> Kind:
    """The same, with the figures measured anew on the changed model, as if it had been packaged so."""

    def planted(folder: Path, rng: Random) -> str:
        said = kind(folder, rng)
        return said if said and measured_anew(folder) else ""

    return planted


def measured_anew(folder: Path) -> bool:
    """Put the model's own figures into report and evidence; whether they are good, and it runs."""
    from posekit.errors import PosekitError
    from posekit.parity.cases import outputs_sha256, recorded
    from posekit.parity.evaluate import Runs, Terms, evaluate
    from posekit.report.document import as_json
    from posekit.runtimes import runtime_for

    old = json.loads((folder / REPORT).read_text())
    spec = read_spec(folder / bundle.CONTRACT)
    try:
        runtime = runtime_for(old["platform"], model_of(folder))
        cases = list(recorded(folder / "evaluation", spec))
        found = evaluate(cases, spec, Runs(runtime.run, runtime.status, runtime.name), Terms(old["precision"]))
        if not found.is_good:
            return False
        hashes = [outputs_sha256(runtime.run(case.pixels)) for case, _ in cases]
    except PosekitError:
        return False
    new: dict[str, Any] = json.loads(json.dumps(as_json(found, {})))
    kept = {step["name"]: step for step in old["steps"]}
    new["steps"] = [
        kept[step["name"]] if old["precision"] != "fp32" and step["name"] in kept else step for step in new["steps"]
    ]
    new["checks"] += [check for check in old["checks"] if check["name"].startswith("before compression")]

    def change(document: Any) -> None:
        for entry, value in zip(document["cases"], hashes, strict=True):
            entry["packaged_sha256"] = value

    edit(folder / CASES, change)
    edit(folder / REPORT, lambda document: document.update(new), sort_keys=True)
    return True


def in_wrapper(folder: Path, rng: Random) -> str:
    """The copy that the app gets is another file."""
    model = shipped_model_of(folder)
    path = model if model.is_file() else model / "Data/com.apple.CoreML/weights/weight.bin"
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data) // 2, len(data))] ^= 1
    path.write_bytes(bytes(data))
    return path.name
