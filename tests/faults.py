"""Faults as one who wants a bundle to look right would plant them: one lie, every hash made consistent with it.

`planted(folder, seed)` changes one thing of a bundle that moves keypoints or lies about the evidence, and says what.
`python -m tests.faults COUNT` plants COUNT of them, each in a copy of a small bundle, and tells which pass unseen.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle, codegen, golden
from posekit.consistency import told
from posekit.parity.report import read_evaluation, verdict
from posekit.spec import PoseSpec, canonical_json, contract_hash, parse_spec, read_spec
from posekit.targets import file_bytes

Random = random.Random
CASES, REPORT, TRACE = Path("evaluation/cases.json"), Path("report/report.json"), Path("evaluation/trace.json")


def planted(folder: Path, seed: int) -> str:
    """Plant the fault of that number; what it is, in words. The same number gives the same fault."""
    rng = Random(seed)
    names = sorted(KINDS)
    while True:  # a kind may have nothing to change in this bundle
        kind = names[rng.randrange(len(names))]
        said = KINDS[kind](folder, rng)
        if said:
            sealed(folder)
            if kind not in ("a page", "the report"):
                paged(folder)
            return f"{kind}: {said}"


def sealed(folder: Path) -> None:
    """Write every hash anew: of the model in evidence and report, of the evidence, of all files in the manifest."""
    model = _model(folder)
    model_hash = bundle.file_hash(model)
    _edit(folder / CASES, lambda document: document.update(measured_model_sha256=model_hash))
    if (folder / REPORT).exists():
        facts = {"model_sha256": model_hash, "evidence_sha256": bundle.file_hash(folder / "evaluation"), "model_bytes": file_bytes(model)}  # fmt: skip
        _edit(folder / REPORT, lambda document: document.update(facts), sort_keys=True)
    sealed_manifest(folder)


def sealed_manifest(folder: Path) -> None:
    """Write the hashes of all files into the manifest."""
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    bundle.write_manifest(folder, {key: value for key, value in manifest.items() if key != "files"})


def paged(folder: Path) -> None:
    """Write the pages of the report anew, whatever its figures are, where they can be made of them."""
    from posekit import reporting
    from posekit.errors import PosekitError
    from posekit.parity.cases import recorded
    from posekit.runtimes import runtime_for

    document = json.loads((folder / REPORT).read_text())
    try:
        spec, evaluation = read_spec(folder / bundle.CONTRACT), read_evaluation(document)
        facts = {key: value for key, value in document.items() if key not in told.EVALUATED}
        cases = list(recorded(folder / "evaluation", spec))
        run = runtime_for(document["platform"], _model(folder)).run
        reporting.write(folder / "report", evaluation, spec, facts, lambda names: (one for one in cases if one[0].name in names), run)  # fmt: skip
    except (PosekitError, ValueError):
        return
    sealed(folder)


def _edit(path: Path, change: Callable[[Any], Any], **options: Any) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document, indent=1, **options) + "\n")


def _wrapper(folder: Path) -> Path:
    return next(path for path in (folder / "module", folder / "package") if path.is_dir())


def _model(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.suffix in (".tflite", ".mlpackage"))


def _shipped_model(folder: Path) -> Path:
    return next(path for path in _wrapper(folder).rglob(_model(folder).name))


def _replace_model(folder: Path, change: Callable[[bytearray], Any], file: str = "") -> None:
    """Change the bytes of the model file, and of its copy in the wrapper."""
    for model in (_model(folder), _shipped_model(folder)):
        path = model / file if file else model
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(bytes(data))


# code of the wrapper


def _number_in_code(folder: Path, rng: Random) -> str:
    """A number in generated or runtime code."""
    files = sorted(path for path in _wrapper(folder).rglob("*") if path.suffix in (".kt", ".swift", ".kts"))
    path = rng.choice(files)
    text = path.read_text()
    found = list(re.finditer(r"(?<![\w.\"])\d+(\.\d+)?(?![\w\"])", text))
    if not found:
        return ""
    one = rng.choice(found)
    new = str(int(one[0]) + 1) if one[1] is None else str(float(one[0]) * 1.25 + 0.1)
    path.write_text(text[: one.start()] + new + text[one.end() :])
    return f"{path.name}: {one[0]} to {new}"


def _operator_in_code(folder: Path, rng: Random) -> str:
    files = sorted(path for path in _wrapper(folder).rglob("*") if path.suffix in (".kt", ".swift"))
    path = rng.choice(files)
    text = path.read_text()
    pairs = [
        (" + ", " - "),
        (" - ", " + "),
        (" < ", " <= "),
        (" * ", " / "),
        ("width", "height"),
        ("true", "false"),
        ("min(", "max("),
    ]
    old, new = rng.choice(pairs)
    found = [one.start() for one in re.finditer(re.escape(old), text)]
    if not found:
        return ""
    at = rng.choice(found)
    path.write_text(text[:at] + new + text[at + len(old) :])
    return f"{path.name}: {old!r} to {new!r}"


def _line_in_tree(folder: Path, rng: Random) -> str:
    """A line taken out of any text of the wrapper: Gradle, manifest, read-me, package, code."""
    files = sorted(
        path for path in _wrapper(folder).rglob("*")
        if path.is_file() and path.suffix in (".kt", ".kts", ".swift", ".xml", ".pro", ".md")
    )  # fmt: skip
    path = rng.choice(files)
    lines = path.read_text().splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    path.write_text("".join(lines))
    return path.name


def _file_in_tree(folder: Path, rng: Random) -> str:
    """A file of the wrapper removed, or one more."""
    tree = _wrapper(folder)
    files = sorted(path for path in tree.rglob("*") if path.suffix in (".kt", ".swift", ".xml", ".pro"))
    path = rng.choice(files)
    if rng.random() < 0.5:
        path.unlink()
        return f"without {path.name}"
    path.with_name(f"Extra{path.name}").write_text(path.read_text())
    return f"a second {path.name}"


def _names_in_code(folder: Path, rng: Random) -> str:
    """Two keypoints of the generated enum exchanged."""
    spec = read_spec(folder / bundle.CONTRACT)
    for path in sorted(_wrapper(folder).rglob("*")):
        if path.suffix in (".kt", ".swift") and path.is_file():
            text, (one, other) = path.read_text(), rng.sample(spec.keypoints.names, 2)
            a, b = (name.upper() if path.suffix == ".kt" else codegen.lower_camel(name) for name in (one, other))
            if re.search(rf"\b{a}\b", text) and re.search(rf"\b{b}\b", text):
                swapped = re.sub(rf"\b{b}\b", a, re.sub(rf"\b{a}\b", "\0", text)).replace("\0", b)
                if swapped != text:
                    path.write_text(swapped)
                    return f"{one} and {other} in {path.name}"
    return ""


# the contract, everywhere at once


def _changed_spec(spec: PoseSpec, rng: Random) -> tuple[PoseSpec, str] | None:
    data = spec.model_dump(mode="json", by_alias=True)
    given, decoder, keypoints = data["input"], data["decoder"], data["keypoints"]
    field = rng.choice(sorted([*(f"input.{key}" for key in given), *(f"decoder.{key}" for key in decoder), "keypoints.order", "kind", "outputs"]))  # fmt: skip
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
        if decoder["refinement"] != "dark":
            return None
        part[name] += 4
    else:
        return None
    changed = parse_spec(data, "a planted fault")
    return (changed, field) if changed != spec else None


def _contract_everywhere(folder: Path, rng: Random) -> str:
    """A field of the contract, with the wrapper rendered and the golden vectors made anew, in the model and every hash."""
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
    platform, model = manifest["platform"], _model(folder)
    if platform == "android":
        _embed(model, spec)
    else:
        from posekit.mlpackage import read_specification
        from posekit.targets import coreml

        proto = read_specification(model)
        coreml._describe(proto, spec)
        coreml._write_alike(model, proto)
    from posekit.consistency.signature import signature_of

    found_signature = signature_of(platform, model)
    tree = _wrapper(folder)
    shutil.rmtree(tree)
    assets = codegen.render(platform, spec, model.name, found_signature.outputs, tree, found_signature.minimum_system)
    (shutil.copytree if model.is_dir() else shutil.copyfile)(model, assets / model.name)
    shutil.rmtree(folder / bundle.GOLDEN)
    golden.write(folder / bundle.GOLDEN, spec)
    (folder / bundle.CONTRACT).write_bytes(canonical_json(spec))
    value = contract_hash(spec)
    _edit(folder / TRACE, lambda document: document.update(contract_sha256=value))
    _edit(folder / REPORT, lambda document: document.update(contract_sha256=value), sort_keys=True)
    _edit(folder / bundle.MANIFEST, lambda document: document.update(contract_sha256=value), sort_keys=True)


def _embed(model: Path, spec: PoseSpec) -> None:
    """Another contract in a .tflite, its metadata written anew."""
    from posekit.targets import tflite_file

    found = tflite_file.unpack(model.read_bytes())
    shapes = {tflite_file.text(one.name): tuple(int(n) for n in found.subgraphs[0].tensors[one.tensorIndex].shape) for one in found.signatureDefs[0].outputs}  # fmt: skip
    outputs = list(shapes)
    for one in found.metadata:
        if tflite_file.text(one.name) == tflite_file.METADATA_BUFFER:
            found.buffers[one.buffer].data = tflite_file.metadata_of(spec, outputs, [n for n in spec.decoder.outputs if n in outputs])  # fmt: skip
    found.description = f"{spec.name} {spec.version}"
    names = "\n".join(spec.keypoints.names) + "\n"
    files = {"keypoints.txt": names.encode(), "pose.json": canonical_json(spec)}
    model.write_bytes(tflite_file.append_files(tflite_file.pack(found), files))


def _contract_alone(folder: Path, rng: Random) -> str:
    """A field of pose.json, at the root or in the wrapper, with the hash of the manifest."""
    found = None
    while found is None:
        try:
            found = _changed_spec(read_spec(folder / bundle.CONTRACT), rng)
        except Exception:
            continue
    where = rng.choice([folder / bundle.CONTRACT, next(_wrapper(folder).rglob(bundle.CONTRACT))])
    where.write_bytes(canonical_json(found[0]))
    if where.parent == folder:
        value = contract_hash(found[0])
        _edit(folder / bundle.MANIFEST, lambda document: document.update(contract_sha256=value), sort_keys=True)
    return f"{found[1]} in {where.relative_to(folder)}"


# the evidence


def _tensor(folder: Path, rng: Random) -> str:
    """Values of a recorded tensor: one, a few, all shifted."""
    path = rng.choice(sorted((folder / "evaluation").glob("*.f32")))
    values = np.fromfile(path, "<f4")
    scale = max(float(np.abs(values).max()), 1e-3)
    how = rng.choice(["one", "noise", "rolled"])
    if how == "one":
        values[rng.randrange(values.size)] += scale * rng.choice([-0.5, 0.1, 0.5])
    elif how == "noise":
        values += np.random.default_rng(rng.randrange(1 << 30)).normal(0, 0.05 * scale, values.size).astype("<f4")
    else:
        values = np.roll(values, 1)
    values.tofile(path)
    return f"{path.name}, {how}"


def _case_field(folder: Path, rng: Random) -> str:
    """A number of a case: its keypoints, scores, region, person, shapes, or another picture."""
    said = ""

    def change(document: Any) -> None:
        nonlocal said
        case = rng.choice(document["cases"])
        kinds = ["keypoints", "scores", "region", "image", "name", "packaged_sha256", "person"]
        said = rng.choice(kinds)
        if said == "keypoints":
            row = rng.choice(case["keypoints"])
            row[rng.randrange(len(row))] += rng.choice([-3.0, 0.01, 5.0])
        elif said == "scores":
            case["scores"][rng.randrange(len(case["scores"]))] += 0.1
        elif said == "region":
            key = rng.choice(["center_xy", "size_wh"])
            case["region"][key][rng.randrange(2)] *= rng.choice([0.9, 1.001, 1.2])
        elif said == "image":
            case["image"] = rng.choice(sorted(path.name for path in (folder / "evaluation").glob("*.png")))
            said = "" if document == json.loads((folder / CASES).read_text()) else said
        elif said == "name":
            case["name"] = case["name"].replace("#", "x#")
        elif said == "packaged_sha256":
            case["packaged_sha256"] = rng.choice(["", "0" * 64])
        else:
            case["person"] = {"box_xyxy": [1.0, 1.0, 20.0, 30.0], "area_px": 400.0, "keypoints": None}

    _edit(folder / CASES, change)
    return said


def _fewer_cases(folder: Path, rng: Random) -> str:
    """A case taken out, with its files."""
    said = ""

    def change(document: Any) -> None:
        nonlocal said
        case = document["cases"].pop(rng.randrange(len(document["cases"])))
        if document["cases"]:
            said = case["name"]
            for file in (case["input"]["file"], *(tensor["file"] for tensor in case["outputs"].values())):
                (folder / "evaluation" / file).unlink()
            if not any(one["image"] == case["image"] for one in document["cases"]):
                (folder / "evaluation" / case["image"]).unlink()

    _edit(folder / CASES, change)
    return said


def _picture(folder: Path, rng: Random) -> str:
    from PIL import Image, ImageOps

    path = rng.choice(sorted((folder / "evaluation").glob("*.png")))
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    how = rng.choice(["mirrored", "brighter", "cropped"])
    if how == "mirrored":
        image = ImageOps.mirror(image)
    elif how == "brighter":
        image = image.point(lambda value: min(value + 3, 255))
    else:
        image = image.crop((1, 0, *image.size))
    image.save(path)
    return how


def _trace(folder: Path, rng: Random) -> str:
    """A step of the trace renamed, removed, or with another range."""
    said = rng.choice(["range", "shape", "inputs", "case", "source"])

    def change(document: Any) -> None:
        step = rng.choice(document["steps"])
        if said == "range":
            step["highest"] = step["highest"] * 0.5 - 0.01
        elif said == "shape":
            step["shape"] = step["shape"][::-1]
        elif said == "inputs":
            step["inputs"] = [*step["inputs"], "nothing"]
        elif said == "case":
            document["case"] = "other.png#0"
        else:
            document["source_sha256"] = "1" * 64

    before = (folder / TRACE).read_text()
    _edit(folder / TRACE, change)
    return said if json.loads(before) != json.loads((folder / TRACE).read_text()) else ""


def _golden(folder: Path, rng: Random) -> str:
    """A number or a tensor of the golden vectors."""
    path = folder / bundle.GOLDEN / rng.choice(golden.FILES)
    text = path.read_text()
    found = list(re.finditer(r"(?<![\w\"/+=])-?\d+\.\d{3,}", text))
    one = rng.choice(found)
    path.write_text(f"{text[: one.start()]}{float(one[0]) + rng.choice([-1.0, 0.001, 0.5])}{text[one.end() :]}")
    return f"{path.name}: {one[0]}"


# what manifest, recipe and report say


def _recipe(folder: Path, rng: Random) -> str:
    said = rng.choice(["precision", "layers", "budget"])

    def change(document: Any) -> None:
        if said == "precision":
            document["precision"] = rng.choice([one for one in ("fp32", "fp16", "w8") if one != document["precision"]])
        elif said == "layers":
            document["layers"]["head"] = "fp16" if document["precision"] == "fp32" else "fp32"
        else:
            document["budget"] = "oks>=0.5"

    _edit(folder / "recipe.json", change)
    return said


def _precision_everywhere(folder: Path, rng: Random) -> str:
    """Another precision in recipe, manifest, report and every layer."""
    old = json.loads((folder / "recipe.json").read_text())["precision"]
    new = rng.choice([one for one in ("fp32", "fp16", "w8", "w8a8") if one != old])
    _edit(folder / "recipe.json", lambda document: document.update(precision=new))
    _edit(folder / bundle.MANIFEST, lambda document: document.update(precision=new))

    def change(document: Any) -> None:
        document["precision"] = new
        for layer in document["layers"]:
            layer["wanted"] = new

    _edit(folder / REPORT, change, sort_keys=True)
    return f"{old} as {new}"


def _manifest(folder: Path, rng: Random) -> str:
    key = rng.choice(
        ["name", "version", "license", "status", "verdict", "evaluated_on", "platform", "precision", "tools", "source"]
    )

    def change(document: Any) -> None:
        value = document[key]
        if key == "tools":
            value["torch"] = "9.9.9"
        elif key == "source":
            value["sha256"] = "2" * 64
        else:
            others = {"status": "VERIFIED", "platform": "ios" if value == "android" else "android", "precision": "w8"}
            document[key] = others.get(key, f"{value}0")

    _edit(folder / bundle.MANIFEST, change)
    return key


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(item, (*path, key))
    else:
        yield path


FIGURES = ("accuracy", "blamed", "cases", "checks", "images", "stages", "status", "total", "verdict", "worst", "runtime",
           "layers", "op_counts", "lint", "minimum_system", "model_file", "evaluated_on", "precision", "platform", "name", "version",
           "contract_sha256", "tools", "budget")  # fmt: skip
FREE = ("why", "name")  # of a layer: words that nothing in the bundle holds


def _report(folder: Path, rng: Random) -> str:
    """Any value of report.json that tells of figures, layers or origin."""
    said = ""

    def change(document: Any) -> None:
        nonlocal said
        path = rng.choice(
            [
                one
                for one in _places({key: document[key] for key in FIGURES})
                if not (one[0] == "layers" and one[-1] in FREE)
            ]
        )
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        old = parent[path[-1]]
        new: Any
        if isinstance(old, bool):
            new = not old
        elif isinstance(old, int | float):
            new = old + 1 if isinstance(old, int) else old * 0.5 if old and rng.random() < 0.7 else old + 0.25
        elif isinstance(old, str):
            new = {"pass": "fail", "fail": "pass", "HOST": "VERIFIED", "passed": "unverified"}.get(old, f"{old}x")
        else:
            new = 1
        parent[path[-1]] = new
        said = f"{'.'.join(map(str, path))}: {old!r} to {new!r}"

    _edit(folder / REPORT, change, sort_keys=True)
    return said


def _figures_everywhere(folder: Path, rng: Random) -> str:
    """Better figures in the report, its gates, its verdict, its pages and the manifest."""

    def change(document: Any) -> None:
        for stage in (document["total"], *document["stages"]):
            for tensor in stage["tensors"]:
                tensor["snr_db"] = (tensor["snr_db"] or 100) + 10
                tensor["max_abs"] *= 0.3
        document["verdict"] = verdict(read_evaluation(document))

    _edit(folder / REPORT, change, sort_keys=True)
    return "tensors of every stage"


def _page(folder: Path, rng: Random) -> str:
    path = folder / "report" / rng.choice(["index.html", "junit.xml"])
    text = path.read_text(encoding="utf-8")
    found = list(re.finditer(r"(?<=[> ])\d+(\.\d+)?(?=[< ])" if path.suffix == ".html" else r"\d+", text))
    one = rng.choice(found)
    path.write_text(text[: one.start()] + str(float(one[0]) + 1) + text[one.end() :], encoding="utf-8")
    return f"{path.name}: {one[0]}"


def _versions(folder: Path, rng: Random) -> str:
    """Code edited and said to be of another posekit."""
    _edit(folder / bundle.MANIFEST, lambda document: document.update(posekit="0.0.9"))
    return _number_in_code(folder, rng)


# the model


def _weights(folder: Path, rng: Random) -> str:
    """A weight or constant of the model file."""
    model = _model(folder)
    how = rng.choice(["scaled", "one", "sign"])

    def changed(values: np.ndarray[Any, Any]) -> None:
        at = rng.randrange(values.size)
        if how == "scaled":
            values *= 1.1
        elif how == "one":
            values[at] += 0.5 * max(float(np.abs(values).max()), 1e-3)
        else:
            values[at] = -values[at] if values[at] else 0.5

    if model.suffix == ".tflite":
        from posekit.targets import tflite_file

        found = tflite_file.unpack(model.read_bytes())
        tensors = [one for one in found.subgraphs[0].tensors if one.type == 0 and found.buffers[one.buffer].data is not None and len(found.buffers[one.buffer].data)]  # fmt: skip
        tensor = rng.choice(tensors)
        values = np.frombuffer(bytes(found.buffers[tensor.buffer].data), "<f4").copy()
        changed(values)
        found.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
        spec = read_spec(folder / bundle.CONTRACT)
        names = "\n".join(spec.keypoints.names) + "\n"
        data = tflite_file.append_files(tflite_file.pack(found), {"keypoints.txt": names.encode(), "pose.json": canonical_json(spec)})  # fmt: skip
        model.write_bytes(data)
        shutil.copyfile(model, _shipped_model(folder))
        return f"{how}, {tflite_file.text(tensor.name)}"
    file = "Data/com.apple.CoreML/weights/weight.bin"
    at = rng.randrange(128, (model / file).stat().st_size // 4) * 4

    def flip(data: bytearray) -> None:
        value = np.frombuffer(bytes(data[at : at + 4]), "<f4")[0]
        if np.isfinite(value):
            data[at : at + 4] = np.float32(value * 1.5 + 0.05).tobytes()

    _replace_model(folder, flip, file)
    return f"weight.bin at {at}"


def _weights_and_figures(folder: Path, rng: Random) -> str:
    """The same, with the figures measured anew on the changed model, as if it had been packaged so."""
    from posekit.parity.cases import outputs_sha256, recorded
    from posekit.parity.evaluate import evaluate
    from posekit.parity.report import as_json
    from posekit.runtimes import runtime_for

    said = _weights(folder, rng)
    document = json.loads((folder / REPORT).read_text())
    spec, runtime = read_spec(folder / bundle.CONTRACT), runtime_for(document["platform"], _model(folder))
    cases = list(recorded(folder / "evaluation", spec))
    found = evaluate(cases, spec, document["precision"], runtime.run, status=runtime.status, runtime=runtime.name)
    if not found.is_good:
        return ""
    hashes = [outputs_sha256(runtime.run(case.pixels)) for case, _ in cases]

    def change(document: Any) -> None:
        for entry, value in zip(document["cases"], hashes, strict=True):
            entry["packaged_sha256"] = value

    _edit(folder / CASES, change)
    _edit(folder / REPORT, lambda document: document.update(as_json(found, {})), sort_keys=True)
    return said


def _model_in_wrapper(folder: Path, rng: Random) -> str:
    """The copy that the app gets is another file."""
    model = _shipped_model(folder)
    path = model if model.is_file() else model / "Data/com.apple.CoreML/weights/weight.bin"
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data) // 2, len(data))] ^= 1
    path.write_bytes(bytes(data))
    return path.name


def _stray_file(folder: Path, rng: Random) -> str:
    where = rng.choice([folder, folder / "evaluation", folder / "report", folder / "golden", _wrapper(folder)])
    (where / "notes.txt").write_text("mine")
    return f"notes.txt in {where.name}"


KINDS: dict[str, Callable[[Path, Random], str]] = {
    "a number in code": _number_in_code, "an operator in code": _operator_in_code, "a line of the wrapper": _line_in_tree,
    "a file of the wrapper": _file_in_tree, "keypoint names in code": _names_in_code,
    "code of another version": _versions, "the contract everywhere": _contract_everywhere,
    "pose.json alone": _contract_alone, "a tensor of the evidence": _tensor, "a field of a case": _case_field,
    "fewer cases": _fewer_cases, "another picture": _picture, "the trace": _trace, "golden vectors": _golden,
    "the recipe": _recipe, "another precision everywhere": _precision_everywhere, "the manifest": _manifest,
    "the report": _report, "figures everywhere": _figures_everywhere, "a page": _page, "weights": _weights, "weights and figures": _weights_and_figures,
    "the model of the wrapper": _model_in_wrapper, "a stray file": _stray_file,
}  # fmt: skip


def passes(folder: Path, source: Path | None = None) -> bool:
    """Whether validate takes a bundle for good; a refusal is none. source: the network, whose spec lies beside it."""
    from posekit.errors import PosekitError
    from posekit.validation import Wanted, validate

    try:
        return validate(folder, Wanted(source=source)).evaluation.is_good
    except PosekitError:
        return False


@dataclass
class Tally:
    """Faults that pass, those that the network alone tells, and how many of each kind were planted."""

    unseen: list[str] = field(default_factory=list)
    by_source: list[str] = field(default_factory=list)
    planted: Counter[str] = field(default_factory=Counter)


def tried(made: Path, source: Path, seeds: Iterable[int]) -> Tally:
    """Plant each fault in a fresh copy of the bundle; what passes is validated again with the network."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch, _converted_once():
        for seed in seeds:
            folder = Path(shutil.copytree(made, Path(scratch) / made.name))
            said = planted(folder, seed)
            tally.planted[said.partition(":")[0]] += 1
            if passes(folder):
                (tally.unseen if passes(folder, source) else tally.by_source).append(f"{seed}, {said}")
            shutil.rmtree(folder)
    return tally


@contextlib.contextmanager
def _converted_once() -> Iterator[None]:
    """The float conversion of the same network is kept: it takes seconds, and every fault needs the same."""
    from posekit.consistency import origin

    kept: dict[str, Any] = {}
    real = origin.TARGETS
    with tempfile.TemporaryDirectory() as scratch:

        def caching(target: Any) -> Any:
            def base(lowered: Any, folder: Path, log: Path) -> Any:
                if target.platform not in kept:
                    place = Path(scratch) / target.platform
                    place.mkdir()
                    kept[target.platform] = target.base(lowered, place, log)
                return kept[target.platform]

            return replace(target, base=base)

        origin.TARGETS = {name: caching(target) for name, target in real.items()}
        try:
            yield
        finally:
            origin.TARGETS = real


def made(folder: Path) -> tuple[Path, list[Path]]:
    """A small network, its spec beside it, and its bundles for both platforms."""
    import importlib

    from posekit import inputs, pipeline
    from tests.conftest import NETWORKS, SPEC, Tiny, write_pictures

    (folder / "tinynet.py").write_text(NETWORKS)
    (folder / "tiny.toml").write_text(SPEC)
    write_pictures(folder / "images")
    sys.path.insert(0, str(folder))
    code = importlib.import_module("tinynet")
    source = folder / "tiny.pt2"
    Tiny(folder, code, code.build()).save("exported").rename(source)
    contract = inputs.find_spec(source, "")
    pictures = inputs.find_images(folder / "images", None, contract)
    return source, [one.folder for one in pipeline.package(source, "all", contract, pictures, out=folder)]


def main() -> None:
    """Plant many faults, four of five in an Android bundle, and end with 1 where one passes."""
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        source, bundles = made(Path(scratch))
        shares = (range(count * 4 // 5), range(count * 4 // 5, count))
        tallies = [tried(one, source, share) for one, share in zip(bundles, shares, strict=True)]
    unseen, by_source = ([one for tally in tallies for one in getattr(tally, name)] for name in ("unseen", "by_source"))
    planted_of = sum((tally.planted for tally in tallies), Counter[str]())
    for kind, number in sorted(planted_of.items()):
        counts = [sum(one.partition(", ")[2].startswith(f"{kind}:") for one in some) for some in (by_source, unseen)]
        print(f"{number:5} {kind}: {counts[0]} seen with --source alone, {counts[1]} unseen")
    print(f"seen with --source alone: {len(by_source)}", *by_source, sep="\n  ")
    print(f"unseen: {len(unseen)} of {count}", *unseen, sep="\n  ")
    sys.exit(bool(unseen))


if __name__ == "__main__":
    main()
