"""ONNX files as people have them: their inputs, outputs, types, and what is wrong with some."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402

from posekit.contract.outputs import decode  # noqa: E402
from posekit.contract.spec import PoseSpec, parse_spec, read_spec  # noqa: E402
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError  # noqa: E402
from posekit.pipelines.inputs import find_spec  # noqa: E402
from posekit.sources import described, open_source  # noqa: E402
from posekit.sources.onnx import reading  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import network_input, run_reference  # noqa: E402
from posekit.sources.source import SourceModel  # noqa: E402
from posekit.targets.graph.lowering import lower  # noqa: E402
from tests import networks, several  # noqa: E402
from tests.sources.onnx.graphs import model, node, saved  # noqa: E402
from tests.targets.test_networks import spec_of as of_network  # noqa: E402

RNG = np.random.default_rng(0)
SAMPLE = Path(__file__).parents[3] / "posekit" / "sources" / "sample" / "data"
W = RNG.normal(size=(3, 3, 3, 3)).astype(np.float32)
HALF_W = W.astype(np.float16)


def spec_of(tiny: Any, **changes: Any) -> PoseSpec:
    spec = read_spec(tiny.spec_file)
    return parse_spec({**spec.model_dump(by_alias=True), **changes}, "tests")


def pixels(spec: PoseSpec) -> Any:
    width, height = spec.input.size_wh
    return np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)


def agree(path: Path, spec: PoseSpec, rounding: float = 2e-5) -> Any:
    """Open, run and lower: onnxruntime, the module and the exported graph give the same; what onnxruntime gives."""
    source, values = open_source(path, spec), pixels(spec)
    outputs = run_reference(source, spec, values)
    assert lower(source, spec, values, outputs).output_shapes == {name: one.shape for name, one in outputs.items()}
    with torch.no_grad():
        seen = source.module(torch.from_numpy(network_input(spec, values)))
    given = source.run(network_input(spec, values))  # type: ignore[misc]
    for name, expected in given.items():
        assert np.allclose(seen[name].numpy(), expected, rtol=rounding, atol=rounding * np.abs(expected).max())
    return outputs


def small(shape: Any = (1, 3, 48, 32), kind: int = TensorProto.FLOAT, opset: int = 17, **more: Any) -> Any:
    """Heatmaps 1 x 3 x 12 x 8 of a picture."""
    first = node("Cast", ["image"], ["cast"], to=1)
    nodes = [
        first, node("Conv", ["cast", "w"], ["body"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["body"], ["relu"]),
        node("Conv", ["relu", "w"], ["heatmaps"], pads=[1, 1, 1, 1], strides=[2, 2]),
    ]  # fmt: skip
    return model(nodes, ["heatmaps"], {"w": W}, shape=shape, kind=kind, opset=opset, **more)


SHAPES = {"fixed": (1, 3, 48, 32), "batch": ("n", 3, 48, 32), "open": ("n", 3, "h", "w"), "all": ("n", "c", "h", "w")}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_open_sizes_are_the_contracts(shape: Any, tiny: Any, tmp_path: Path) -> None:
    agree(saved(small(shape), tmp_path), spec_of(tiny))


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT32, TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_inputs_of_other_types(kind: int, tiny: Any, tmp_path: Path) -> None:
    raw = {**spec_of(tiny).input.model_dump(), "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    agree(saved(small(kind=kind), tmp_path), spec_of(tiny, input=raw), 1e-2 if kind == TensorProto.FLOAT16 else 2e-5)


def test_whole_inputs_want_pixels(tiny: Any, tmp_path: Path) -> None:
    path = saved(small(kind=TensorProto.UINT8), tmp_path)
    normalised = {**spec_of(tiny).input.model_dump(), "mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)}
    with pytest.raises(InputError, match="do not fit the input 'image', uint8"):
        open_source(path, spec_of(tiny, input=normalised))


def test_channels_last(tiny: Any, tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        node("Conv", ["first", "w"], ["body"], pads=[1, 1, 1, 1], strides=[4, 4]),
        node("Transpose", ["body"], ["heatmaps"], perm=[0, 2, 3, 1]),
    ]
    outputs = agree(saved(model(nodes, ["heatmaps"], {"w": W}, shape=(1, 48, 32, 3)), tmp_path), spec_of(tiny))
    assert outputs["heatmaps"].shape == (1, 12, 8, 3)


def test_outputs_are_taken_by_name_and_from_inside(tiny: Any, tmp_path: Path) -> None:
    made = small()
    made.graph.node.append(node("NonMaxSuppression", ["heatmaps", "heatmaps"], ["chosen"]))
    made.graph.node.append(node("ReduceMax", ["heatmaps"], ["surest"], axes=[2, 3]))
    made.graph.output[0].name = "surest"
    path = saved(made, tmp_path)
    named = agree(path, spec_of(tiny, outputs=["heatmaps"]))
    mapped = agree(path, spec_of(tiny, outputs=["heatmaps"], file_outputs=["heatmaps"]))
    assert np.array_equal(named["heatmaps"], mapped["heatmaps"])
    with pytest.raises(InputError) as raised:
        open_source(path, spec_of(tiny, outputs=["heatmaps"], file_outputs=["heatmap"]))
    assert "'heatmap'" in raised.value.message
    assert "'heatmaps'" in raised.value.hint


def test_two_candidates_for_one_output_are_listed(tiny: Any, tmp_path: Path) -> None:
    made = small()
    made.graph.node.append(node("Relu", ["heatmaps"], ["fine"]))
    made.graph.node.append(node("Sigmoid", ["heatmaps"], ["coarse"]))
    made.graph.output[0].name = "fine"
    made.graph.output.append(onnx.ValueInfoProto(name="coarse"))
    spec = spec_of(tiny, outputs=["maps"], decoder={**spec_of(tiny).decoder.model_dump(), "output": "maps"})
    with pytest.raises(InputError) as raised:
        open_source(saved(made, tmp_path), spec)
    assert "gives 2: fine, coarse" in raised.value.message
    assert 'file_outputs = ["fine"]' in raised.value.hint


def test_half_precision_and_files_beside(tiny: Any, tmp_path: Path) -> None:
    made = model(
        [node("Cast", ["image"], ["half"], to=10),
         node("Conv", ["half", "w"], ["body"], pads=[1, 1, 1, 1], strides=[4, 4]),
         node("Cast", ["body"], ["heatmaps"], to=1)],
        ["heatmaps"], {"w": HALF_W}, shape=(1, 3, 48, 32),
    )  # fmt: skip
    agree(saved(made, tmp_path), spec_of(tiny), 1e-2)
    onnx.save_model(small(), tmp_path / "big.onnx", save_as_external_data=True, location="big.data", size_threshold=0)
    whole = agree(saved(small(), tmp_path), spec_of(tiny))
    assert np.array_equal(agree(tmp_path / "big.onnx", spec_of(tiny))["heatmaps"], whole["heatmaps"])
    before = open_source(tmp_path / "big.onnx", spec_of(tiny)).sha256
    content = bytearray((tmp_path / "big.data").read_bytes())
    content[0] ^= 1  # another weight is another model
    (tmp_path / "big.data").write_bytes(content)
    assert open_source(tmp_path / "big.onnx", spec_of(tiny)).sha256 != before


def test_without_onnxruntime(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingToolError, match="onnxruntime is not installed") as raised:
        open_source(saved(small(), tmp_path), spec_of(tiny))
    assert "posekit[onnx]" in raised.value.hint


def test_weights_and_pixels_in_8_bits(tiny: Any, tmp_path: Path) -> None:
    scale = np.float32(np.abs(W).max() / 127)
    constants = {
        "w": np.round(W / scale).astype(np.int8), "scale": scale, "zero": np.int8(0),
        "step": np.float32(0.02), "middle": np.uint8(128),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", ["image", "step", "middle"], ["q"]),
        node("DequantizeLinear", ["q", "step", "middle"], ["x"]),
        node("DequantizeLinear", ["w", "scale", "zero"], ["weights"]),
        node("Conv", ["x", "weights"], ["heatmaps"], pads=[1, 1, 1, 1], strides=[4, 4]),
    ]
    path = saved(model(nodes, ["heatmaps"], constants, shape=(1, 3, 48, 32)), tmp_path)
    agree(path, spec_of(tiny), 2e-2)
    assert open_source(path, spec_of(tiny)).rounding > 1e-2


def test_a_branch_that_does_not_depend_on_the_picture(tiny: Any, tmp_path: Path) -> None:
    def branch(op: str) -> Any:
        result = helper.make_tensor_value_info(f"{op}_out", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(op, ["body"], [f"{op}_out"])], op, [], [result])

    nodes = [
        node("Conv", ["image", "w"], ["body"], pads=[1, 1, 1, 1], strides=[4, 4]), node("Shape", ["body"], ["shape"]),
        node("Size", ["shape"], ["rank"]), node("Equal", ["rank", "four"], ["is_map"]),
        helper.make_node("If", ["is_map"], ["heatmaps"], then_branch=branch("Relu"), else_branch=branch("Neg")),
    ]  # fmt: skip
    constants = {"w": W, "four": np.array(4, np.int64)}
    outputs = agree(saved(model(nodes, ["heatmaps"], constants, shape=(1, 3, 48, 32)), tmp_path), spec_of(tiny))
    assert outputs["heatmaps"].min() == 0


# the file as it is, and what is made of it; the exit code and words of the refusal
def _op(op: str, domain: str = "") -> Callable[[Any], None]:
    def change(made: Any) -> None:
        made.graph.node[2].op_type, made.graph.node[2].domain = op, domain
        if domain:
            made.opset_import.append(helper.make_opsetid(domain, 1))

    return change


def _external(**place: str) -> Callable[[Any], None]:
    def change(made: Any) -> None:
        weight = made.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = 1
        for key, value in place.items():
            entry = weight.external_data.add()
            entry.key, entry.value = key, value

    return change


def _two_inputs(made: Any) -> None:
    made.graph.input.append(helper.make_tensor_value_info("scale", TensorProto.FLOAT, (1, 2)))


def _opset(made: Any) -> None:
    made.opset_import[0].version = 999


def _huge(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [1 << 20, 1 << 20, 3, 3]


def _negative(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [-3, 3, 3, 3]


def _short(made: Any) -> None:
    made.graph.initializer[0].raw_data = made.graph.initializer[0].raw_data[:-4]


def _cycle(made: Any) -> None:
    made.graph.node[1].input[0] = "heatmaps"


def _no_weights(made: Any) -> None:
    del made.graph.initializer[:]


def _rank(made: Any) -> None:
    made.graph.input[0].type.tensor_type.shape.dim.pop()


def _dropped(made: Any) -> None:
    del made.graph.node[:]


def _loop(made: Any) -> None:
    made.graph.node[2].op_type = "Scan"


REFUSED: dict[str, tuple[Callable[[Any], None], type[PosekitError], str]] = {
    "custom": (_op("FusedRelu", "com.example"), ConversionError, "com.example.FusedRelu"),
    "opset": (_opset, InputError, "opset 999"),
    "outside": (_external(location="../secret"), InputError, "outside the model's folder"),
    "absolute": (_external(location="/etc/passwd"), InputError, "outside the model's folder"),
    "not there": (_external(location="weights.bin"), InputError, "not beside it"),
    "beyond": (_external(location="model.onnx", offset="100", length="324"), InputError, "its shape takes 324"),
    "no number": (_external(location="model.onnx", offset="many"), InputError, "no readable place"),
    "two inputs": (_two_inputs, InputError, "has 2 inputs"),
    "huge": (_huge, InputError, "at most"),
    "negative": (_negative, InputError, "has the shape"),
    "short": (_short, InputError, "cannot be read"),
    "cycle": (_cycle, InputError, "which nothing gives before it"),
    "no weights": (_no_weights, InputError, "reads 'w'"),
    "rank": (_rank, InputError, "expected 1 x 3 x H x W"),
    "empty": (_dropped, InputError, "without operations"),
}


def _bomb(made: Any) -> None:
    sides = helper.make_tensor("sides", TensorProto.INT64, [1], [600_000_000])
    made.graph.node.insert(0, node("Constant", [], ["sides"], value=sides))
    made.graph.node.insert(1, node("ConstantOfShape", ["sides"], ["ones"]))
    made.graph.node.insert(2, node("ReduceSum", ["ones"], ["sum"], keepdims=0))
    made.graph.node[-1].output[0] = "before"
    made.graph.node.append(node("Add", ["before", "sum"], ["heatmaps"]))


def _shared(made: Any) -> None:
    """Many weights that lie at one place: a small file that would take much memory."""
    _external(location="weights.bin")(made)
    for number in range(40):
        weight = made.graph.initializer.add()
        weight.CopyFrom(made.graph.initializer[0])
        weight.name, weight.dims[:] = f"w{number}", [1 << 12, 1 << 12, 1, 1]


def _constant_outside(made: Any) -> None:
    """A constant of a node is a weight too."""
    made.graph.node.append(node("Constant", [], ["c"], value=onnx.numpy_helper.from_array(W, "c")))
    tensor = made.graph.node[-1].attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"


REFUSED |= {
    "bomb": (_bomb, ConversionError, "600000000 numbers, at most"),
    "shared": (_shared, InputError, "the weights of"),
    "constant outside": (_constant_outside, InputError, "outside the model's folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tiny: Any, tmp_path: Path) -> None:
    change, kind, words = REFUSED[name]
    made = small()
    change(made)
    with pytest.raises(kind) as raised:
        open_source(saved(made, tmp_path), spec_of(tiny))
    assert words in raised.value.message
    assert raised.value.hint


def test_an_operation_without_a_rule_is_named(tiny: Any, tmp_path: Path) -> None:
    made = small()
    made.graph.node[2].op_type = "Hardmax"
    with pytest.raises(ConversionError, match=r"Hardmax '/relu/Relu'"):
        open_source(saved(made, tmp_path), spec_of(tiny))


def test_the_order_of_nodes_is_found(tiny: Any, tmp_path: Path) -> None:
    made = small()
    turned = list(made.graph.node)[::-1]
    del made.graph.node[:]
    made.graph.node.extend(turned)
    model, path = made, tmp_path / "turned.onnx"
    path.write_bytes(model.SerializeToString())
    ordered = reading.nodes(model.graph, {"w": W}, 17, path)
    assert [one.op for one in ordered] == ["Cast", "Conv", "Relu", "Conv"]


@pytest.mark.parametrize("size", [1, 40, 300, 700])
def test_truncated(size: int, tiny: Any, tmp_path: Path) -> None:
    path = saved(small(), tmp_path)
    path.write_bytes(path.read_bytes()[:-size])
    with pytest.raises(InputError):
        open_source(path, spec_of(tiny))


def test_what_a_file_says_without_a_contract(tmp_path: Path) -> None:
    facts = described(saved(small(("n", 3, "h", "w")), tmp_path))
    assert facts is not None
    assert facts["inputs"] == {"image": "float32 any x 3 x any x any"}
    assert facts["operations"] == {"Cast": 1, "Conv": 2, "Relu": 1}
    with pytest.raises(InputError, match="leaves the size of its input"):
        open_source(tmp_path / "model.onnx")


EXPORTS = [(name, dynamo) for name in networks.NETWORKS for dynamo in (False, True)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dynamo"), EXPORTS, ids=[f"{n}-{'dynamo' if d else 'traced'}" for n, d in EXPORTS])
def test_exports_of_networks_give_the_same_keypoints(name: str, dynamo: bool, tmp_path: Path) -> None:
    if dynamo:
        pytest.importorskip("onnxscript")
    network, path, spec = networks.build(name), tmp_path / f"{name}.onnx", of_network(name)
    width, height = networks.SIZE_WH
    more = {"dynamo": True, "verbose": False} if dynamo else {"dynamo": False, "opset_version": 17}
    torch.onnx.export(network, (torch.rand(1, 3, height, width),), str(path), **more)
    eager = SourceModel(Path("in-memory"), Form.MODULE, "", network)
    source, values = open_source(path, spec), pixels(spec)
    outputs, expected = run_reference(source, spec, values), run_reference(eager, spec, values)
    if name != "yolo_pose":  # whose rows that contract does not decode
        assert np.abs(decode(outputs, spec).keypoints - decode(expected, spec).keypoints).max() < 1e-3
    for output, one in expected.items():
        assert np.allclose(outputs[output], one, rtol=1e-4, atol=1e-4)
    lower(source, spec, values, outputs)  # refuses a graph whose outputs are not onnxruntime's


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tinypose", "tinysimcc", "squares"])
def test_exports_of_the_samples_give_the_same_keypoints(name: str, tmp_path: Path) -> None:
    """The samples, as their exported programs give them on, and the network of several people, of two squares."""
    pytest.importorskip("onnxscript")
    if name == "squares":
        code: dict[str, Any] = {}
        exec(several.NETWORK, code)
        network, spec = code["Squares"]().eval(), parse_spec(several.SPEC, name)
    else:
        network = open_source(SAMPLE / f"{name}.pt2").module
        spec = read_spec(SAMPLE / f"{name}.toml")
    width, height = spec.input.size_wh
    path = tmp_path / f"{name}.onnx"
    torch.onnx.export(network, (torch.rand(1, 3, height, width),), str(path), dynamo=True, verbose=False)
    picture = np.asarray(several.picture((width, height), [(20, 20), (60, 50)]), np.float32)
    eager = run_reference(SourceModel(path, Form.MODULE, "", network), spec, picture)
    seen, expected = decode(run_reference(open_source(path, spec), spec, picture), spec), decode(eager, spec)
    assert len(seen.keypoints) == len(expected.keypoints) == (2 if name == "squares" else 1)
    assert np.abs(seen.keypoints - expected.keypoints).max() < 1e-3


ULTRALYTICS = {
    "task": "pose", "names": "{0: 'person'}", "kpt_shape": "[3, 3]", "imgsz": "[32, 64]", "stride": "32",
    "date": "2026-01-02T03:04:05", "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    "end2end": "False", "args": "{'batch': 1, 'nms': False}",
}  # fmt: skip


def exported(folder: Path, **changes: str) -> Path:
    """A table of candidates, 4 + 1 + 9 numbers each, with the metadata of an export by Ultralytics."""
    nodes = [
        node("Conv", ["image", "w"], ["cells"], strides=[16, 16]),
        node("Reshape", ["cells", "shape"], ["output0"]),
    ]
    weights = RNG.normal(size=(14, 3, 16, 16)).astype(np.float32)
    made = model(nodes, ["output0"], {"w": weights, "shape": np.array([1, 14, -1])}, shape=(1, 3, 32, 64))
    for key, value in {**ULTRALYTICS, **changes}.items():
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value
    return saved(made, folder)


def test_the_metadata_of_an_export_is_a_contract(tmp_path: Path) -> None:
    spec = find_spec(exported(tmp_path), "")
    assert spec.input.size_wh == (64, 32)
    assert spec.keypoint_count == 3
    assert spec.license == "AGPL-3.0"
    assert agree(tmp_path / "model.onnx", spec)["candidates"].shape == (1, 14, 8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "segment"}, "for the task segment, expected pose"),
        ({"args": "{'nms': True}"}, "with its suppression in it"),
        ({"kpt_shape": "[3]"}, r"says kpt_shape \[3\]"),
        ({"names": "__import__('os').system('true')"}, "names no classes"),
    ],
)
def test_metadata_that_is_of_no_contract(changes: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        find_spec(exported(tmp_path, **changes), "")
