"""Fuzz what reads files from outside: `make fuzz` (atheris, SECONDS of it), and the seeds of
tests/fuzz/test_readers.py.

A reader may refuse (PosekitError) and nothing else: any other exception, and any write outside the scratch folder, is a
finding.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import plistlib
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import posekit.contract
import posekit.sources
from posekit import bundle
from posekit.compression.search import journal
from posekit.contract import recipe
from posekit.contract.drafts import configs
from posekit.contract.drafts.completing import check_values, completed
from posekit.contract.drafts.fitting import fitted
from posekit.contract.drafts.writing import spec_text
from posekit.contract.spec import canonical_json, contract_hash, parse_spec, read_spec
from posekit.devices.apps.manifest import elements
from posekit.devices.format import DeviceRun
from posekit.devices.record import read_run, results_of
from posekit.errors import PosekitError
from posekit.parity import trace
from posekit.parity.accuracy import truth_of
from posekit.parity.budget import parse_budget
from posekit.parity.cases import cases_of, read_index, recorded
from posekit.parity.predictions import read_predictions
from posekit.pipelines import doctor
from posekit.poses.photos import find_photos, readable
from posekit.runtimes.mlpackage import empty_specification
from posekit.sources import ensemble, open_source
from posekit.sources.onnx import reading as onnx_reading
from posekit.sources.tensorflow import safety

SPEC = {
    "schema": 1, "name": "tiny", "version": "1", "license": "MIT", "kind": "top_down", "outputs": ["heatmaps"],
    "input": {"size_wh": [8, 8], "color_order": "rgb", "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0],
              "resize": "affine_crop", "box_padding": 1.25, "alignment": "half_pixel"},
    "decoder": {"kind": "heatmap", "output": "heatmaps", "refinement": "quarter", "alignment": "stride"},
    "keypoints": {"names": ["nose", "left_eye"], "edges": [["nose", "left_eye"]], "oks_sigmas": [0.1, 0.1]},
}  # fmt: skip
TOML = """\
schema = 1
name = "tiny"
version = "1"
license = "MIT"
kind = "top_down"
[input]
size_wh = [8, 8]
color_order = "rgb"
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
resize = "affine_crop"
box_padding = 1.25
alignment = "half_pixel"
[decoder]
kind = "heatmap"
output = "heatmaps"
refinement = "quarter"
alignment = "stride"
[keypoints]
names = ["nose", "left_eye"]
oks_sigmas = [0.1, 0.1]
"""
CONTRACT = parse_spec(SPEC, "the fuzzer")
MODEL = "0" * 64
TENSOR = {"file": "t.f32", "shape": [1, 2]}
PERSON = {
    "keypoints": [[0.0, 1.0], [2.0, 3.0]],
    "scores": [0.5, 0.5],
    "confidence": 0.5,
    "box_xyxy": [0.0, 0.0, 8.0, 8.0],
}
RUN = {
    "schema": 1, "device": {"name": "a", "os": "b"}, "runtime": "c", "model_sha256": MODEL,
    "contract_sha256": contract_hash(CONTRACT), "passes": [{
        "requested": "gpu", "used": "gpu", "cases": [{
            "name": "x", "sha256": MODEL, "region": {"center_xy": [1.0, 1.0], "size_wh": [2.0, 2.0]},
            "results": [{"mode": "image", "input": TENSOR, "outputs": {"heatmaps": TENSOR},
                         "people": [PERSON]}]}]}],
}  # fmt: skip
CASES = {
    "schema": 3, "measured_model_sha256": MODEL, "cases": [{
        "name": "x", "image": "000.png", "input": TENSOR,
        "person": {"box_xyxy": [0.0, 0.0, 8.0, 8.0], "area_px": 64.0, "keypoints": [[1.0, 1.0, 2.0], [2.0, 2.0, 0.0]]},
        "region": {"center_xy": [4.0, 4.0], "size_wh": [8.0, 8.0], "rotation_degrees": 0.0},
        "outputs": {"heatmaps": TENSOR}, "poses": [PERSON], "packaged_sha256": MODEL}],
}  # fmt: skip
TRACE = {
    "schema": 2,
    "case": "x",
    "source_sha256": MODEL,
    "contract_sha256": MODEL,
    "steps": [
        {"name": "a", "op": "conv2d", "layer": "b", "inputs": [], "shape": [1, 2], "lowest": 0.0, "highest": 1.0}
    ],
}
MANIFEST: dict[str, Any] = {
    "schema": 1,
    "platform": "android",
    "precision": "fp32",
    "contract_sha256": contract_hash(CONTRACT),
    "status": "HOST",
    "tools": {},
    "files": {"pose.json": "", "tiny.tflite": ""},
}

RECIPE = {"schema": 1, "precision": "w8", "layers": {"head": "fp16", "stem.0": "w4"}, "budget": "oks>=0.98,size<=1MB"}
QUALITY = {
    "people": 3,
    "oks": 0.99,
    "worst_oks": 0.9,
    "mean_px": 0.5,
    "p95_px": 1.0,
    "ap": 0.8,
    "pck": 0.9,
    "ap_drop": 0.1,
    "pck_drop": 0.0,
}
TRIAL = {
    "recipe": RECIPE,
    "size": 10,
    "failure": "",
    "quality": QUALITY,
    "layers": [["head", 10, 16.0]],
    "seconds": 0.1,
}
PEOPLE = {
    "images": [{"id": 1, "file_name": "sub/000.png", "width": 8, "height": 8}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 6, 7], "area": 20, "iscrowd": 0,
                     "keypoints": [1, 2, 2, 3.5, 4, 1]}],
    "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_eye"]}, {"id": 2, "name": "ball"}],
}  # fmt: skip
PREDICTED = [{"image_id": 0, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 0.5], "bbox": [0, 0, 6, 7], "score": 0.5}]
JOURNAL = f"{json.dumps({'schema': 1, 'problem': MODEL})}\n{json.dumps(TRIAL)}\n".encode()


def scratch() -> Path:
    """A folder with everything that the readers look for beside the document that is fuzzed."""
    from PIL import Image

    folder = Path(tempfile.mkdtemp(prefix="posekit-fuzz-"))
    (folder / "pictures" / "sub").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "pictures" / "sub" / "000.png")
    for name in ("run", "cases", "trace"):
        (folder / name).mkdir()
        (folder / name / "t.f32").write_bytes(b"\0\0\x80\x3f" * 2)
    (folder / "trace" / trace.VALUES).write_bytes(b"\0\0\x80\x3f" * 2)
    Image.new("RGB", (8, 8)).save(folder / "cases" / "000.png")
    made = folder / "bundle"
    made.mkdir()
    (made / "pose.json").write_bytes(canonical_json(CONTRACT))
    (made / "tiny.tflite").write_bytes(b"no model")
    return folder


def read_toml(folder: Path, data: bytes) -> None:
    (folder / "spec.toml").write_bytes(data)
    canonical_json(read_spec(folder / "spec.toml"))


def read_json(folder: Path, data: bytes) -> None:
    (folder / "spec.json").write_bytes(data)
    canonical_json(read_spec(folder / "spec.json"))


def read_manifest(folder: Path, data: bytes) -> None:
    (folder / "bundle" / bundle.MANIFEST).write_bytes(data)
    bundle.open_bundle(folder / "bundle")


def read_device_run(folder: Path, data: bytes) -> None:
    (folder / "run" / "run.json").write_bytes(data)
    run: DeviceRun = read_run(folder / "run", MODEL, contract_hash(CONTRACT))
    for one in run.passes:
        for case in one.cases:
            results_of(folder / "run", one, case.name, case.sha256, case.region)


def read_cases(folder: Path, data: bytes) -> None:
    (folder / "cases" / "cases.json").write_bytes(data)
    read_index(folder / "cases")
    list(recorded(folder / "cases", CONTRACT))


def read_trace(folder: Path, data: bytes) -> None:
    (folder / "trace" / trace.INDEX).write_bytes(data)
    trace.read(folder / "trace")


def read_recipe(folder: Path, data: bytes) -> None:
    (folder / "recipe.json").write_bytes(data)
    found = recipe.read(folder / "recipe.json")
    if found.budget:
        parse_budget(found.budget)
    recipe.write(found, folder / "again.json")
    assert recipe.read(folder / "again.json") == found


def read_people(folder: Path, data: bytes) -> None:
    (folder / "people.json").write_bytes(data)
    found = readable(find_photos(folder / "pictures", folder / "people.json", CONTRACT.keypoints.names))
    assert sum(len(photo.people) for photo in found.photos)
    for photo in found.photos:
        for case in cases_of(photo, CONTRACT):
            truth_of(case, CONTRACT)


def read_reference(folder: Path, data: bytes) -> None:
    (folder / "predicted.json").write_bytes(data)
    photos = find_photos(folder / "pictures", None, CONTRACT.keypoints.names).photos
    assert read_predictions(folder / "predicted.json", photos, CONTRACT).by_photo


def read_trial(folder: Path, data: bytes) -> None:
    read_journal(folder, JOURNAL.splitlines(keepends=True)[0] + data + b"\n")


def read_journal(folder: Path, data: bytes) -> None:
    (folder / "search.json").write_bytes(data)
    journal.read(folder / "search.json", MODEL)


def read_onnx(folder: Path, data: bytes) -> None:
    (folder / "model.onnx").write_bytes(data)
    open_source(folder / "model.onnx")


def read_coreml(folder: Path, data: bytes) -> None:
    (folder / "model.mlmodel").write_bytes(data)
    open_source(folder / "model.mlmodel")


def read_tflite(folder: Path, data: bytes) -> None:
    (folder / "model.tflite").write_bytes(data)
    open_source(folder / "model.tflite")


def read_graph(folder: Path, data: bytes) -> None:
    (folder / "model.pb").write_bytes(data)
    open_source(folder / "model.pb", CONTRACT)


def read_ensemble(folder: Path, data: bytes) -> None:
    (folder / "model.ensemble").write_bytes(data)
    ensemble.read_ensemble(folder / "model.ensemble")


def read_keras(folder: Path, data: bytes) -> None:
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("config.json", data)
    safety.refuse_code(folder / "model.keras")
    safety.refuse_larger(folder / "model.keras")


def read_exporters_words(folder: Path, data: bytes) -> None:
    """What an ONNX file says of itself, among it Python's literals."""
    text = data.decode("utf-8", "replace")
    onnx_reading.metadata(SimpleNamespace(metadata_props=[SimpleNamespace(key="names", value=text)]))


def read_app(folder: Path, data: bytes) -> None:
    """What a compiled model in an iOS app says of itself."""
    metadata = folder / "A.xcarchive" / "Products" / "Applications" / "A.app" / "tiny.mlmodelc" / "metadata.json"
    metadata.parent.mkdir(parents=True, exist_ok=True)
    metadata.write_bytes(data)
    doctor.diagnose(folder / "A.xcarchive")


def read_plist(folder: Path, data: bytes) -> None:
    """What an iOS app says of the systems that it is for."""
    read_app(folder, b"[]")
    (folder / "A.xcarchive" / "Products" / "Applications" / "A.app" / "Info.plist").write_bytes(data)
    doctor.diagnose(folder / "A.xcarchive")


def read_manifest_of_android(folder: Path, data: bytes) -> None:
    with suppress(ValueError):  # which the doctor tells
        elements(data)


def graph_seed() -> bytes:
    """A frozen graph of one convolution; nothing where TensorFlow is not installed."""
    try:
        import tensorflow as tf
    except ImportError:
        return b""
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name="image")
        tf.nn.conv2d(image, tf.constant(1.0, shape=(1, 1, 3, 2)), 1, "SAME", name="heatmaps")
    return bytes(graph.as_graph_def().SerializeToString())


def tflite_seed() -> bytes:
    """A network of two operations with a quantized input; nothing where LiteRT is not installed."""
    try:
        from tests.tflites import convolution, result, tflite
    except ImportError:
        return b""
    import numpy as np

    def build(adding: Any, x: int) -> int:
        floats = result(adding, "DEQUANTIZE", (x,), (1, 8, 6, 3), "DequantizeOptions")
        return convolution(adding, floats, np.ones((2, 1, 1, 3), np.float32))

    try:
        return tflite((1, 8, 6, 3), build, kind="uint8", scale=0.5, zero=128)
    except ImportError:
        return b""


def onnx_seed() -> bytes:
    """A network of one convolution; nothing where onnx is not installed."""
    try:
        from tests.sources.onnx.graphs import model, node
    except ImportError:
        return b""
    import numpy as np

    nodes = [node("Conv", ["image", "w"], ["conv"]), node("Reshape", ["conv", "shape"], ["y"])]
    constants = {"w": np.ones((2, 3, 1, 1), np.float32), "shape": np.array([1, 2, -1])}
    return bytes(model(nodes, ["y"], constants).SerializeToString())


def coreml_seed() -> bytes:
    """A network of one convolution of an image; nothing where coremltools is not installed."""
    try:
        model = empty_specification()
    except PosekitError:
        return b""
    model.specificationVersion = 1
    picture, output = model.description.input.add(), model.description.output.add()
    picture.name, output.name = "image", "y"
    picture.type.imageType.width, picture.type.imageType.height, picture.type.imageType.colorSpace = 8, 6, 20
    output.type.multiArrayType.shape.extend((2, 6, 8))
    layer = model.neuralNetwork.layers.add()
    layer.name, layer.convolution.outputChannels, layer.convolution.kernelChannels = "conv", 2, 3
    layer.input.append("image")
    layer.output.append("y")
    layer.convolution.kernelSize.extend((1, 1))
    layer.convolution.same.SetInParent()
    layer.convolution.weights.floatValue.extend([1.0] * 6)
    return bytes(model.SerializeToString())


def draft(folder: Path, name: str, data: bytes) -> None:
    """As `posekit init` writes it of a configuration alone."""
    (folder / name).write_bytes(data)
    found = completed(fitted(configs.read(folder / name), None))
    check_values(found, name)
    assert tomllib.loads(spec_text(found, "net.pt")) == found.table


def draft_python(folder: Path, data: bytes) -> None:
    draft(folder, "config.py", data)


def draft_yaml(folder: Path, data: bytes) -> None:
    draft(folder, "config.yaml", data)


def draft_json(folder: Path, data: bytes) -> None:
    draft(folder, "training.json", data)


def configuration(name: str) -> Path:
    """A configuration of another tool, written for the tests of drafts."""
    return Path(__file__).parents[1] / "contract" / "drafts" / "data" / name


# a seed that needs other packages is made when it is asked for
READERS: tuple[tuple[Callable[[Path, bytes], None], bytes | Callable[[], bytes]], ...] = (
    (read_toml, TOML.encode()),
    (read_json, json.dumps(SPEC).encode()),
    (read_manifest, json.dumps(MANIFEST).encode()),
    (read_device_run, json.dumps(RUN).encode()),
    (read_cases, json.dumps(CASES).encode()),
    (read_trace, json.dumps(TRACE).encode()),
    (read_recipe, json.dumps(RECIPE).encode()),
    (read_trial, json.dumps(TRIAL).encode()),
    (read_journal, JOURNAL),
    (read_people, json.dumps(PEOPLE).encode()),
    (read_reference, json.dumps(PREDICTED).encode()),
    (read_onnx, onnx_seed),
    (read_coreml, coreml_seed),
    (draft_python, configuration("mmpose/td-reg_res50_rle-8xb64-210e_mpii-256x256.py").read_bytes()),
    (draft_yaml, configuration("hrnet/w32_256x192_adam_lr1e-3.yaml").read_bytes()),
    (draft_json, configuration("fly/training_config.json").read_bytes()),
    (draft_json, configuration("vitpose-gym/config.json").read_bytes()),
    (read_tflite, tflite_seed),
    (read_graph, graph_seed),
    (read_keras, b'{"class_name": "Dense", "config": {"units": 1}}'),
    (read_exporters_words, b"{0: 'person', 'kpt_shape': [17, 3]}"),
    (read_app, b'[{"userDefinedMetadata": {"posekit.contract_sha256": "00"}, "availability": {"iOS": "16.0"}}]'),
    (read_plist, plistlib.dumps({"MinimumOSVersion": "16.0"})),
    (
        read_manifest_of_android,
        b'<manifest xmlns:a="http://schemas.android.com/apk/res/android"><b a:name="c"/></manifest>',
    ),
    (read_ensemble, b'{"posekit_ensemble": 1, "members": ["a.pt", "b.pt"], "weights": [0.5, 0.5]}'),
)


@cache
def seed_of(number: int) -> bytes:
    """What a reader starts from."""
    seed = READERS[number][1]
    return seed() if callable(seed) else seed


def tried(folder: Path, number: int, data: bytes) -> bool:
    """Whether a reader took the data; an exception that is no refusal comes through."""
    try:
        READERS[number % len(READERS)][0](folder, data)
    except PosekitError:
        return False
    return True


def watch_writes(folder: Path) -> None:
    """End the process at a write outside `folder`."""
    inside, told = str(folder.resolve()), os.dup(2)  # a reader may redirect what goes to standard error

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ) or event in ("os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod"):
            paths = [arguments[0]]
        elif event in ("os.rename", "shutil.move", "shutil.copyfile"):
            paths = list(arguments[:2])
        else:
            return
        for path in paths:
            if isinstance(path, str | Path) and not os.path.realpath(path).startswith((inside, "/dev/")):
                os.write(told, f"write outside the folder: {event} {path!r}\n".encode())
                os._exit(77)

    sys.addaudithook(watch)


def main() -> None:
    """Fuzz for as long as libFuzzer's own -max_total_time says."""
    import atheris

    # all that reads, and nothing of the frameworks that seeds are made with: those have 70,000 functions
    for package in (posekit.contract, posekit.sources):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    atheris.instrument_all()
    folder = scratch()
    corpus = Path(tempfile.mkdtemp(prefix="posekit-corpus-", dir=folder))
    for number in range(len(READERS)):
        (corpus / str(number)).write_bytes(bytes([number]) + seed_of(number))
    tempfile.tempdir = str(folder)  # where frameworks put what they unpack
    watch_writes(folder)
    counts = [0] * len(READERS)

    def one(data: bytes) -> None:
        if data:
            counts[data[0] % len(READERS)] += tried(folder, data[0], data[1:])

    atheris.Setup([*sys.argv, f"-artifact_prefix={folder}/", str(corpus)], one)
    try:
        atheris.Fuzz()
    finally:
        print("documents accepted:", dict(zip((reader.__name__ for reader, _ in READERS), counts, strict=True)))
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
