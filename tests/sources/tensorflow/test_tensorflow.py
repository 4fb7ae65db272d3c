"""TensorFlow's files as sources: one network in every form gives what Keras gives, and what is unsafe is refused."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
pytest.importorskip("tensorflow")

from posekit.errors import ConversionError, InputError, MissingToolError  # noqa: E402
from posekit.runtimes import litert  # noqa: E402
from posekit.sources import described, open_source  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import network_input, run_reference  # noqa: E402
from posekit.sources.tensorflow import opening  # noqa: E402
from posekit.targets.litert.kept import base_of  # noqa: E402
from tests.tflites import spec_of, written  # noqa: E402

pytestmark = pytest.mark.xdist_group("tensorflow")  # which takes its time to be imported
PIXELS = np.random.default_rng(2).uniform(0, 255, (48, 32, 3)).astype(np.float32)
NORMALISED = {"mean": [100, 110, 120], "std": [50, 60, 70]}
FORMS = {"keras": Form.KERAS, "h5": Form.KERAS, "saved": Form.SAVED_MODEL, "pb": Form.FROZEN_GRAPH}


@pytest.fixture(scope="module")
def network() -> Any:
    """Of any size: a map of tags before the heatmaps, as the order of a contract's outputs."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="first")(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="hard_swish", name="second")(x)
    tags = layers.Conv2D(2, 1, name="tags")(x)
    heatmaps = layers.Conv2D(3, 1, name="heatmaps")(x)
    return keras.Model(image, [tags, heatmaps])


@pytest.fixture(scope="module")
def files(network: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The network in every form."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    folder = tmp_path_factory.mktemp("tensorflow")
    network.save(folder / "network.keras")
    network.save(folder / "network.h5")
    network.export(folder / "saved", verbose=False)
    function = tf.function(lambda image: network(image)).get_concrete_function(
        tf.TensorSpec((None, None, None, 3), tf.float32)
    )
    frozen = convert_variables_to_constants_v2(function)
    (folder / "network.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    names = [one.name.split(":")[0] for one in frozen.outputs]
    (folder / "names.json").write_text(json.dumps(names))
    return {"keras": folder / "network.keras", "h5": folder / "network.h5", "saved": folder / "saved",
            "pb": folder / "network.pb", "names": folder / "names.json"}  # fmt: skip


def taken(form: str, files: dict[str, Path]) -> dict[str, Any]:
    """What a contract says of the outputs of a form: names of its own, by place, or by the graph's names."""
    if form == "pb":
        return {"outputs": ["tags", "heatmaps"], "file_outputs": json.loads(files["names"].read_text())}
    if form == "saved":
        return {"outputs": ["tags", "heatmaps"], "file_outputs": ["output_0", "output_1"]}
    return {"outputs": ["heatmaps", "tags"]}  # by their layers' names, in another order than the file's


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_what_keras_gives(form: str, network: Any, files: dict[str, Path]) -> None:
    """The reference exactly, and the PyTorch module as float32 allows."""
    spec = spec_of(input=NORMALISED, **taken(form, files))
    source = open_source(files[form], spec)
    assert source.form is FORMS[form]
    image = network_input(spec, PIXELS)
    tags, heatmaps = (one.numpy() for one in network(image.transpose(0, 2, 3, 1)))
    reference = run_reference(source, spec, PIXELS)
    assert list(reference) == list(spec.outputs)
    assert np.allclose(reference["heatmaps"], heatmaps, rtol=1e-5, atol=1e-5)
    assert np.allclose(reference["tags"], tags, rtol=1e-5, atol=1e-5)  # not of the decoder: in the file's own axes
    with torch.no_grad():
        ours = source.module(torch.from_numpy(image))
    assert np.allclose(ours["heatmaps"].permute(0, 2, 3, 1).numpy(), heatmaps, rtol=1e-4, atol=1e-4)
    assert source.tflite is None  # Android's file is made of the module, which is rewritten for speed


def test_what_has_no_pytorch_equivalent_is_kept(tmp_path: Path) -> None:
    """TensorFlow's own .tflite becomes Android's file; iOS is refused by the operation's name."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, (1, 48, 32, 3), name="image")
        tf.math.cumsum(image[:, ::4, ::4], axis=1, name="heatmaps")
    (tmp_path / "sums.pb").write_bytes(graph.as_graph_def().SerializeToString())
    spec = spec_of(input=NORMALISED)
    source = open_source(tmp_path / "sums.pb", spec)
    reference = run_reference(source, spec, PIXELS)
    assert source.tflite is not None
    run = litert.open_model(written(tmp_path, base_of(source.tflite, spec)[0]))
    assert np.allclose(run(PIXELS)["output_0"], reference["heatmaps"], rtol=1e-4, atol=1e-4)
    with pytest.raises(ConversionError, match="CUMSUM"), torch.no_grad():
        source.module(torch.from_numpy(network_input(spec, PIXELS)))


SIMCC = {"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": 2.0, "score_reduction": "min",
         "refinement": "none", "activation": "none"}  # fmt: skip


def two_heads(names: dict[str, float], how: str) -> Any:
    """A Keras model whose outputs are of these names, in this order, each full of its number."""
    import keras

    image = keras.Input((48, 32, 3), name="image")
    flat = keras.layers.GlobalAveragePooling2D()(image)
    heads = {
        name: keras.layers.Dense(
            3, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(value), name=name
        )(flat)
        for name, value in names.items()
    }
    return keras.Model(image, heads if how == "by name" else list(heads.values()))


def means_of(source: Any) -> dict[str, float]:
    return {name: float(one.mean()) for name, one in source.run(network_input(spec_of(), PIXELS)).items()}


@pytest.mark.parametrize("form", ["m.keras", "m.h5"])
def test_outputs_of_keras_stay_in_the_models_order(form: str, tmp_path: Path) -> None:
    """Not in that of the alphabet, in which bins_y is before pred_x."""
    two_heads({"pred_x": 1, "bins_y": 2}, "in order").save(tmp_path / form)
    source = open_source(tmp_path / form, spec_of(decoder=SIMCC, outputs=["x", "y"]))
    means = means_of(source)
    assert means == {"x": 1, "y": 2}
    assert list((described(tmp_path / form) or {})["outputs"]) == ["pred_x", "bins_y"]


def test_outputs_without_an_order_are_asked_for(tmp_path: Path) -> None:
    """Of a dictionary of outputs and of a signature only names count; eleven that are numbered are in that order."""
    from posekit.sources.outputs import numbered

    two_heads({"pred_x": 1, "bins_y": 2}, "by name").save(tmp_path / "m.keras")
    two_heads({"y": 1, "x": 2}, "by name").save(tmp_path / "named.keras")
    two_heads({"y": 1, "x": 2}, "by name").export(tmp_path / "named", verbose=False)
    with pytest.raises(InputError, match=r"gives 2: .*pred_x") as raised:
        open_source(tmp_path / "m.keras", spec_of(decoder=SIMCC, outputs=["x", "y"]))
    assert "file_outputs = " in raised.value.hint
    for one in ("named.keras", "named"):
        source = open_source(tmp_path / one, spec_of(decoder=SIMCC, outputs=["x", "y"]))
        assert means_of(source) == {"x": 2, "y": 1}
    names = [f"output_{number}" for number in range(12)]
    assert numbered(sorted(names)) == names
    assert numbered({"Identity_1": 0, "Identity": 0}) == ["Identity", "Identity_1"]
    assert numbered(["pred_x", "bins_y"]) is numbered(["a_1", "b_0"]) is None


def test_candidates_are_listed(files: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="names 1 outputs") as raised:
        open_source(files["pb"], spec_of())
    assert "file_outputs" in raised.value.hint
    with pytest.raises(InputError, match="no tensor 'heat'"):
        open_source(files["pb"], spec_of(file_outputs=["heat"]))


def test_a_layer_larger_than_its_file_is_not_built(files: dict[str, Path], tmp_path: Path) -> None:
    """A few bytes of configuration would ask for gigabytes of weights."""
    with zipfile.ZipFile(files["keras"]) as archive, zipfile.ZipFile(tmp_path / "big.keras", "w") as big:
        for name in archive.namelist():
            content = archive.read(name)
            big.writestr(name, content.replace(b'"filters": 3', b'"filters": 250000000'))
    with pytest.raises(InputError, match="a layer of 250,000,000 outputs"):
        open_source(tmp_path / "big.keras", spec_of())


def test_a_file_says_what_it_is_without_a_contract(files: dict[str, Path]) -> None:
    facts = described(files["keras"])
    assert facts is not None
    assert list(facts["inputs"].values()) == ["float32 1 x any x any x 3"]
    assert facts["outputs"]["heatmaps"] == "1 x any x any x 3"
    assert facts["operations"]["Conv2D"] == 4


def test_code_in_a_keras_file_is_not_run(tmp_path: Path) -> None:
    import keras

    image = keras.Input((48, 32, 3))
    doubled = keras.layers.Lambda(lambda x: x * 2, name="doubled")(image)
    model = keras.Model(image, keras.layers.Conv2D(3, 1, strides=4, name="heatmaps")(doubled))
    for name in ("code.keras", "code.h5"):
        model.save(tmp_path / name)
        with pytest.raises(InputError, match="would run code of its own: the Lambda layer 'doubled'$"):
            open_source(tmp_path / name, spec_of())
    assert "heatmaps" in (described(tmp_path / "code.keras", trust=True) or {})["outputs"]
    source = open_source(tmp_path / "code.keras", spec_of(), trust=True)
    assert run_reference(source, spec_of(), PIXELS)["heatmaps"].shape == (1, 12, 8, 3)


def test_classes_of_other_modules_are_not_imported(files: dict[str, Path], tmp_path: Path) -> None:
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(files["keras"]) as before, zipfile.ZipFile(changed, "w") as after:
        for one in before.namelist():
            data = before.read(one)
            after.writestr(one, data.replace(b'"keras.layers"', b'"os.path"', 1) if one == "config.json" else data)
    with pytest.raises(InputError, match=r"would run code of its own: os\.path\.InputLayer"):
        open_source(changed, spec_of())


def test_a_saved_model_stays_in_its_folder(files: dict[str, Path], tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    for name in ("/etc/passwd", "../../secret.txt"):
        folder = tmp_path / name.replace("/", "_")
        shutil.copytree(files["saved"], folder)
        whole = saved_model_pb2.SavedModel()
        whole.ParseFromString((folder / "saved_model.pb").read_bytes())
        whole.meta_graphs[0].asset_file_def.add().filename = name
        (folder / "saved_model.pb").write_bytes(whole.SerializeToString())
        with pytest.raises(InputError, match=f"names the file '{name}' outside of it"):
            open_source(folder, spec_of())
    linked = tmp_path / "linked"
    shutil.copytree(files["saved"], linked)
    (linked / "assets").mkdir(exist_ok=True)
    (linked / "assets" / "words.txt").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match=r"has assets/words\.txt, which leads out of it"):
        open_source(linked, spec_of())


def test_what_reaches_beyond_numbers_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, (1, 48, 32, 3), name="image")
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "written"), "x")]):
            tf.identity(image[:, ::4, ::4], name="heatmaps")
    (tmp_path / "writing.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(InputError, match="may do more than compute: it has WriteFile"):
        open_source(tmp_path / "writing.pb", spec_of())
    assert not (tmp_path / "written").exists()


def of_session(folder: Path, build: Any) -> Path:
    """A SavedModel of TensorFlow 1: one variable, its saver, and what `build` gives to run when it is loaded."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, (1, 48, 32, 3), name="image")
        scale = v1.get_variable("scale", initializer=2.0, use_resource=True)
        maps = tf.multiply(image[:, ::4, ::4], scale, name="heatmaps")
        session.run(scale.initializer)
        main = build(folder)
        builder = v1.saved_model.Builder(str(folder))
        signature = v1.saved_model.signature_def_utils.predict_signature_def({"image": image}, {"heatmaps": maps})
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map={"serving_default": signature}, main_op=main
        )
        builder.save()
    return folder


def writing(folder: Path) -> Any:
    import tensorflow as tf

    return tf.raw_ops.SaveV2(prefix=str(folder.parent / "written"), tensor_names=["a"], shape_and_slices=[""],
                             tensors=[tf.constant([1.0])])  # fmt: skip


def reading_from_elsewhere(folder: Path) -> Any:
    import tensorflow as tf

    return tf.raw_ops.RestoreV2(prefix="/elsewhere", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[
        0
    ].op


def test_what_loading_runs_is_looked_at_first(tmp_path: Path) -> None:
    """A saver is in every SavedModel; what initialises it must not save, nor restore what is another's."""
    import tensorflow as tf

    good = of_session(tmp_path / "good", lambda folder: tf.no_op())
    maps = run_reference(open_source(good, spec_of()), spec_of(), PIXELS)["heatmaps"]
    assert np.allclose(maps[0], 2 * PIXELS[::4, ::4])
    for name, build in (("SaveV2", writing), ("RestoreV2", reading_from_elsewhere)):
        folder = of_session(tmp_path / name, build)
        for look in (described, lambda path: open_source(path, spec_of())):
            with pytest.raises(InputError, match=f"may do more than compute: it has {name}"):
                look(folder)
    assert not list(tmp_path.glob("written*"))


@pytest.mark.parametrize("kind", ["ImmutableConst", "PyFuncStateless", "InitializeTableFromTextFileV2", "PrintV2"])
@pytest.mark.parametrize("where", ["graph", "function", "disguised"])
def test_operations_are_those_that_only_compute(kind: str, where: str, tmp_path: Path) -> None:
    """In the graph, in a function, and as a function of that name."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.identity(tf.compat.v1.placeholder(tf.float32, (1, 48, 32, 3), name="image"), name="heatmaps")
    whole = graph.as_graph_def()
    if where != "graph":
        function = whole.library.function.add()
        function.signature.name = kind if where == "disguised" else "own"
    (function.node_def if where == "function" else whole.node).add(name="reaching", op=kind)
    (tmp_path / "reaching.pb").write_bytes(whole.SerializeToString())
    with pytest.raises(InputError, match=f"may do more than compute: it has {kind}"):
        open_source(tmp_path / "reaching.pb", spec_of())


def test_what_litert_has_not_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, (1, 48, 32, 3), name="image")
        tf.math.bessel_i0(image[:, ::4, ::4], name="heatmaps")
    (tmp_path / "bessel.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(ConversionError, match="makes no .tflite of .*Bessel"):
        open_source(tmp_path / "bessel.pb", spec_of())


@pytest.mark.parametrize("form", FORMS)
def test_truncated_files_are_refused(form: str, files: dict[str, Path], tmp_path: Path) -> None:
    if form == "saved":
        broken = tmp_path / "saved"
        shutil.copytree(files["saved"], broken)
        damaged = broken / "saved_model.pb"
    else:
        broken = damaged = Path(shutil.copy(files[form], tmp_path))
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    with pytest.raises(InputError):
        open_source(broken, spec_of())


def test_without_tensorflow_the_extra_is_named(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError) as raised:
        open_source(files["keras"], spec_of())
    assert raised.value.exit_code == 3
    assert "posekit[tf]" in raised.value.hint
