"""TFLite files as sources: what LiteRT is given and gives, what is taken of a file, and what is refused."""

from __future__ import annotations

import copy
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from posekit.errors import InputError, PosekitError  # noqa: E402
from posekit.runtimes.flatbuffer import pack, unpack  # noqa: E402
from posekit.sources import described, open_source  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.sources.tflite.verifying import verify  # noqa: E402
from posekit.targets.litert.tflite_file import append_files, with_contract  # noqa: E402
from tests.tflites import Adding, convolution, result, scaled, spec_of, tflite, written  # noqa: E402

RNG = np.random.default_rng(3)
KERNEL = RNG.normal(0, 0.3, (3, 3, 3, 3)).astype(np.float32)
PIXELS = RNG.uniform(0, 255, (48, 32, 3)).astype(np.float32)


def maps(adding: Adding, x: int) -> int:
    return convolution(adding, x, KERNEL, stride=4)


def small(**given: Any) -> bytes:
    return tflite((1, 48, 32, 3), maps, **given)


def test_the_reference_is_litert_and_the_module_agrees(tmp_path: Path) -> None:
    spec = spec_of()
    source = open_source(written(tmp_path, small()), spec)
    assert source.form is Form.TFLITE
    assert source.tflite is not None
    reference = run_reference(source, spec, PIXELS)["heatmaps"]
    assert reference.shape == (1, 12, 8, 3)
    image = torch.from_numpy(PIXELS).permute(2, 0, 1)[None]
    with torch.no_grad():
        ours = source.module(image)["heatmaps"].permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - reference).max() < 1e-4 * np.abs(reference).max()
    # and both are what the kernel says: SAME with stride 4 of 3 adds nothing before the first pixel
    corner = np.einsum("khwc,hwc->k", KERNEL.astype(np.float64), PIXELS[4:7, 4:7].astype(np.float64))
    assert np.allclose(reference[0, 1, 1], corner, rtol=1e-4)


def test_channels_first_files_are_taken_as_they_are(tmp_path: Path) -> None:
    spec = spec_of()

    def turned(adding: Adding, x: int) -> int:
        return adding.transposed(maps(adding, adding.transposed(x, (0, 2, 3, 1))), (0, 3, 1, 2))

    last = run_reference(open_source(written(tmp_path, small()), spec), spec, PIXELS)
    first = run_reference(
        open_source(written(tmp_path, tflite((1, 3, 48, 32), turned), "b.tflite"), spec), spec, PIXELS
    )
    assert np.array_equal(last["heatmaps"], first["heatmaps"])


@pytest.mark.parametrize(
    ("kind", "scale", "zero"),
    [("uint8", 0.0, 0), ("uint8", 1 / 128, 128), ("int8", 1.0, -128), ("uint8", 1 / 127.5, 127),
     ("uint8", 1 / 127.5, 128)],
)  # fmt: skip
def test_whole_pixels_are_rounded_half_to_even_and_clipped(
    kind: str, scale: float, zero: int, tmp_path: Path
) -> None:  # fmt: skip
    """0.5 and 2.5 go down, 1.5 up; what an input stands for is normalised by the contract, whole or not.

    About 127.5 every pixel lies between two numbers, and is its own.
    """
    middle = round(1 / scale, 1) if 0 < scale < 1 else 0
    normalised = {"mean": [middle] * 3, "std": [middle] * 3} if middle else {}
    spec = spec_of(input=normalised)

    def as_floats(adding: Adding, x: int) -> int:
        if scale:
            floats = result(adding, "DEQUANTIZE", (x,), (1, 48, 32, 3), "DequantizeOptions")
        else:
            floats = adding.cast(x, "float32")
        return result(adding, "RESIZE_NEAREST_NEIGHBOR", (floats, adding.constant("size", np.array([12, 8], np.int32))),
                      (1, 12, 8, 3), "ResizeNearestNeighborOptions")  # fmt: skip

    path = written(tmp_path, tflite((1, 48, 32, 3), as_floats, kind=kind, scale=scale, zero=zero))
    pixels = np.zeros((48, 32, 3), np.float32)
    pixels[0, 0:20:4, 0] = [0.5, 1.5, 2.5, 255.4, 300]
    seen = run_reference(open_source(path, spec), spec, pixels)["heatmaps"][0, 0, :5, 0]
    expected = np.array([0, 2, 2, 255, 255], np.float32)
    assert np.allclose(seen, (expected - zero) * scale if normalised else expected, atol=1e-5)


def test_open_sizes_are_fixed_by_the_contract(tmp_path: Path) -> None:
    unpacked = unpack(tflite((1, 1, 1, 3), maps))
    unpacked.subgraphs[0].tensors[0].shapeSignature = [-1, -1, -1, 3]
    spec = spec_of()
    source = open_source(written(tmp_path, pack(unpacked)), spec)
    fixed = open_source(written(tmp_path, small(), "fixed.tflite"), spec)
    assert np.array_equal(*(run_reference(one, spec, PIXELS)["heatmaps"] for one in (source, fixed)))


def test_a_file_is_cut_at_the_outputs_that_are_named(tmp_path: Path) -> None:
    def deeper(adding: Adding, x: int) -> int:
        return convolution(adding, maps(adding, x), KERNEL, name="behind")

    spec = spec_of(file_outputs=["maps"])
    path = written(tmp_path, tflite((1, 48, 32, 3), deeper))
    source = open_source(path, spec)
    assert source.tflite is not None
    assert len(unpack(source.tflite.content).subgraphs[0].operators) == 1
    whole = open_source(written(tmp_path, small(), "whole.tflite"), spec_of())
    assert np.array_equal(*(run_reference(one, spec_of(), PIXELS)["heatmaps"] for one in (source, whole)))
    with pytest.raises(InputError, match=r"no tensor 'map'.*") as raised:
        open_source(path, spec_of(file_outputs=["map"]))
    assert "is it 'maps'?" in raised.value.hint


def test_what_no_contract_fits_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, small())
    with pytest.raises(InputError, match="float32 1 x 48 x 32 x 3, but the contract makes a picture of 48 x 32"):
        open_source(path, spec_of(input={"size_wh": [48, 32]}))
    with pytest.raises(InputError, match="contract names 2 outputs"):
        open_source(path, spec_of(outputs=["heatmaps", "tags"]))
    unpacked = unpack(small())
    unpacked.subgraphs[0].inputs = [0, 0]
    with pytest.raises(InputError, match="has 2 inputs, expected one picture"):
        open_source(written(tmp_path, pack(unpacked), "two.tflite"), spec_of())


def test_operations_of_nobody_are_named(tmp_path: Path) -> None:
    def with_custom(adding: Adding, x: int) -> int:
        made = maps(adding, x)
        made = result(adding, "CUSTOM", (made,), adding.shape(made))
        adding.unpacked.operatorCodes[-1].customCode = "MyDecoder"
        return made

    with pytest.raises(InputError, match="operations that LiteRT does not: MyDecoder"):
        open_source(written(tmp_path, tflite((1, 48, 32, 3), with_custom)), spec_of())
    # before it the file is as good as any
    content = tflite((1, 48, 32, 3), with_custom)
    with pytest.raises(InputError, match="MyDecoder"):
        open_source(written(tmp_path, content), spec_of(file_outputs=["picture"]))


def test_damage_is_told_and_crashes_nothing(tmp_path: Path) -> None:
    """Cut short anywhere, or with any byte of its structure changed, a file opens or is refused in a sentence."""
    content, spec = small(), spec_of()
    for length in range(8, len(content), 97):
        with pytest.raises(InputError):
            open_source(written(tmp_path, content[:length]), spec)
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.choice(len(content), 300, replace=False):
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        try:
            open_source(written(tmp_path, bytes(changed)), spec)
        except PosekitError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda graph: setattr(graph.operators[0], "inputs", [1 << 20, 1, 2]), "tensors beyond"),
        (lambda graph: setattr(graph.operators[0], "inputs", [int(graph.outputs[0]), 1, 2]), "none before it gives"),
        (lambda graph: setattr(graph.tensors[1], "buffer", 99), "buffer that it does not have"),
        (lambda graph: setattr(graph.operators[0], "opcodeIndex", 7), "kind that it does not name"),
        (lambda graph: setattr(graph.tensors[0], "shape", [1, -5, 32, 3]), "negative size"),
        (lambda graph: setattr(graph, "outputs", [400]), "tensors beyond"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_are_told(damage: Any, told: str, tmp_path: Path) -> None:
    unpacked = unpack(small())
    damage(unpacked.subgraphs[0])
    with pytest.raises(InputError, match=f"damaged or truncated: .*{told}"):
        open_source(written(tmp_path, pack(unpacked)), spec_of())


def test_a_tensor_larger_than_any_phone_is_not_made(tmp_path: Path) -> None:
    """800 bytes made a reader take 10 GB: what an operation gives has the size that the file says."""
    unpacked = unpack(small())
    unpacked.subgraphs[0].tensors[int(unpacked.subgraphs[0].outputs[0])].shape = [1, 0xFF0001, 8, 3]
    with pytest.raises(InputError, match=r"a tensor of .* has 401,\d+,\d+ numbers, at most 134,217,728 are taken"):
        open_source(written(tmp_path, pack(unpacked)), spec_of())


def branching(*branches: tuple[int, int]) -> bytes:
    """Graphs whose only operation is an IF between two others, by number; the last only gives what it is given."""
    from ai_edge_litert import schema_py_generated as schema

    unpacked = unpack(tflite((1, 4, 4, 3), lambda adding, x: adding.add(
        "IF", (adding.constant("cond", np.array([True])), x), adding.tensor("maps", (1, 4, 4, 3)), "IfOptions",
        thenSubgraphIndex=0, elseSubgraphIndex=0)))  # fmt: skip
    (first,) = unpacked.subgraphs
    graphs = [copy.deepcopy(first) for _ in branches]
    for graph, (then, otherwise) in zip(graphs, branches, strict=True):
        options = graph.operators[0].builtinOptions
        options.thenSubgraphIndex, options.elseSubgraphIndex = then, otherwise
    last = schema.SubGraphT()
    last.tensors, last.inputs, last.outputs, last.operators = [first.tensors[int(first.inputs[0])]], [0], [0], []
    unpacked.subgraphs = [*graphs, last]
    return pack(unpacked)


@pytest.mark.parametrize(
    ("branches", "told"),
    [
        (((0, 0),), "call each other in a circle"),
        (((1, 2), (2, 0)), "call each other in a circle"),
        (((1, 2), (2, 1)), "call each other in a circle"),
        (((1, 7),), "calls a graph beyond the 2"),
        (((-1, 1),), "calls a graph beyond the 2"),
    ],
)  # fmt: skip
def test_graphs_that_call_themselves_are_told(branches: Any, told: str, tmp_path: Path) -> None:
    """LiteRT follows them until its stack ends."""
    path = written(tmp_path, branching(*branches))
    for look in (described, lambda one: open_source(one, None)):
        with pytest.raises(InputError, match=f"damaged or truncated: .*{told}"):
            look(path)


def test_branches_and_their_options(tmp_path: Path) -> None:
    verify(branching((1, 2), (2, 2)), tmp_path)
    unpacked = unpack(branching((1, 1)))
    unpacked.subgraphs[0].operators[0].builtinOptions = None
    unpacked.subgraphs[0].operators[0].builtinOptionsType = 0
    with pytest.raises(InputError, match="calls a graph, and does not say which"):
        verify(pack(unpacked), tmp_path)


def test_a_size_beyond_all_use_is_refused(tmp_path: Path) -> None:
    unpacked = unpack(small())
    unpacked.subgraphs[0].tensors[0].shape = [1, 60000, 60000, 3]
    with pytest.raises(InputError, match="numbers, at most"):
        open_source(written(tmp_path, pack(unpacked)), spec_of())


def test_metadata_is_compared_with_the_contract(tmp_path: Path) -> None:
    """posekit's own metadata says 0 and 1, for pixels; a contract of another mean is told of it."""
    spec = spec_of()
    described = with_contract(small(), spec, {"heatmaps": (1, 12, 8, 3)})
    path = written(tmp_path, described)
    assert "metadata" not in open_source(path, spec).facts
    facts = open_source(path, spec_of(input={"mean": [127.5] * 3})).facts
    assert "mean [0.0] and std [1.0]" in facts["metadata"]
    stream = io.BytesIO(append_files(described, {}))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "nose\nright eye\nleft eye\n")
    facts = open_source(written(tmp_path, stream.getvalue(), "labelled.tflite"), spec).facts
    assert (
        "labels.txt calls keypoints otherwise than the contract: 'right_eye' is 'left_eye' there" in facts["metadata"]
    )


def test_damaged_labels_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = spec_of()
    stream = io.BytesIO(append_files(with_contract(small(), spec, {"heatmaps": (1, 12, 8, 3)}), {}))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "\n".join(f"name {number}" for number in range(400)))
    whole = bytearray(stream.getvalue())
    place = whole.rindex(b"PK\x03\x04") + 30 + len("labels.txt")
    whole[place : place + 15] = b"\xff" * 15
    source = open_source(written(tmp_path, bytes(whole)), spec)
    assert run_reference(source, spec, PIXELS)["heatmaps"].shape == (1, 12, 8, 3)
    assert "damaged and left out" in caplog.text


def test_without_a_contract_a_file_says_what_it_is(tmp_path: Path) -> None:
    facts = described(written(tmp_path, small(kind="uint8", scale=0.5, zero=3)))
    assert facts is not None
    assert facts["inputs"] == {"picture": "uint8 1 x 48 x 32 x 3, scale 0.5, zero point 3"}
    assert facts["operations"] == {"CONV_2D": 1}


def signed(content: bytes, inputs: dict[str, int], outputs: dict[str, int]) -> bytes:
    """The file with a signature; numbers: of the inputs and outputs."""
    from ai_edge_litert import schema_py_generated as schema

    unpacked = unpack(content)
    graph, given = unpacked.subgraphs[0], schema.SignatureDefT()

    def sides(names: dict[str, int], numbers: Any) -> list[Any]:
        entries = []
        for name, place in names.items():
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, int(numbers[place])
            entries.append(entry)
        return entries

    given.signatureKey, given.subgraphIndex = "serving_default", 0
    given.inputs, given.outputs = sides(inputs, graph.inputs), sides(outputs, graph.outputs)
    unpacked.signatureDefs = [given]
    return pack(unpacked)


def heads(adding: Adding, x: int) -> list[int]:
    """Maps of the picture's own, then those negated; their tensors have the names that converters make up."""
    size = adding.constant("size", np.array([12, 8], np.int32))
    one = result(
        adding, "RESIZE_NEAREST_NEIGHBOR", (x, size), (1, 12, 8, 3), "ResizeNearestNeighborOptions", name="y:0"
    )
    return [one, result(adding, "NEG", (one,), (1, 12, 8, 3), "NegOptions", name="StatefulPartitionedCall:1")]


def test_outputs_are_called_as_the_signature_calls_them(tmp_path: Path) -> None:
    """Converters shuffle outputs: names count, and numbers in names, but never the order."""
    bare = tflite((1, 48, 32, 3), heads)
    both = spec_of(outputs=["heatmaps", "aux"])

    def first(content: bytes, spec: Any = both) -> float:
        reference = run_reference(open_source(written(tmp_path, content), spec), spec, PIXELS)
        return float(np.sign(reference["heatmaps"].mean()))

    assert first(bare) == 1  # the file's own order
    named = signed(bare, {"image": 0}, {"aux": 0, "heatmaps": 1})
    assert first(named) == -1
    assert first(named, spec_of()) == -1
    assert first(signed(bare, {"image": 0}, {"output_1": 0, "output_0": 1})) == -1
    assert first(signed(bare, {"image": 0}, {"y:0": 1, "z": 0}), spec_of(file_outputs=["y:0"])) == -1
    facts = described(written(tmp_path, named)) or {}
    assert list(facts["inputs"]) == ["image"]
    assert list(facts["outputs"]) == ["aux", "heatmaps"]
    other = written(tmp_path, signed(bare, {"image": 0}, {"maps": 0, "tags": 1}))
    with pytest.raises(InputError, match="gives 2: maps"):
        open_source(other, both)
    assert open_source(other, None).run is not None


def test_names_that_are_none_are_taken(tmp_path: Path) -> None:
    """Bytes that are no text, and outputs without a name."""
    unpacked = unpack(small())
    graph = unpacked.subgraphs[0]
    graph.tensors[int(graph.outputs[0])].name = None
    nameless = written(tmp_path, pack(unpacked))
    assert run_reference(open_source(nameless, spec_of()), spec_of(), PIXELS)["heatmaps"].shape == (1, 12, 8, 3)
    odd = written(tmp_path, small().replace(b"picture", b"pict\xffre"), "odd.tflite")
    assert run_reference(open_source(odd, spec_of()), spec_of(), PIXELS)["heatmaps"].shape == (1, 12, 8, 3)


def test_a_scale_that_is_none_is_refused(tmp_path: Path) -> None:
    def odd(adding: Adding, x: int) -> int:
        scaled(adding, x, float("nan"))
        return maps(adding, x)

    with pytest.raises(InputError, match="expected one above 0"):
        open_source(written(tmp_path, tflite((1, 48, 32, 3), odd, kind="uint8")), spec_of())
