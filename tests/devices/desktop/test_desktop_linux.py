"""The linux package from its wheel, in an environment of its own, on the real model: pictures in, keypoints out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.bundle import Bundle, file_hash, open_bundle
from posekit.bundle import wrapper as codegen
from posekit.contract.spec import canonical_json, contract_hash
from posekit.devices import golden_run
from posekit.devices.desktop import linux
from posekit.devices.desktop.linux import LinuxPackage
from posekit.devices.record import read_run
from posekit.devices.request import RequestWriter
from posekit.errors import ConversionError, InputError
from posekit.parity.cases import Case, found_in, poses_of, recorded
from posekit.poses.images import load_image
from posekit.poses.transforms import Orientation
from posekit.runtimes import litert
from tests.devices.asked import DAMAGED, NOISE, ORIENTATIONS, Damage, damage_request, expected_input

pytest.importorskip("litert_torch")
pytestmark = [
    pytest.mark.skipif(bool(linux.why_not()), reason=linux.why_not()),
    pytest.mark.slow,
    pytest.mark.xdist_group("desktop_linux"),
]


@dataclass(frozen=True)
class Installed:
    """An Android bundle, whose model the linux package is of too, and that package, installed."""

    bundle: Bundle
    tree: Path
    program: LinuxPackage

    @property
    def cases(self) -> list[tuple[Case, dict[str, Any]]]:
        return [
            (case, dict(outputs)) for case, outputs in recorded(self.bundle.folder / "evaluation", self.bundle.spec)
        ]

    def python(self, *arguments: object, code: int = 0) -> str:
        """What a program prints in the package's environment."""
        command = [str(self.program.python), "-I", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr * (code != 0)


def rendered(opened: Bundle, folder: Path) -> Path:
    """The linux package of a bundle's contract, with its model."""
    shapes = {name: values.shape for name, values in litert.open_model(opened.model_path)(first_pixels(opened)).items()}
    place = codegen.render("linux", opened.spec, codegen.Network(opened.model_path.name, shapes), folder)
    shutil.copyfile(opened.model_path, place / opened.model_path.name)
    return folder


def first_pixels(opened: Bundle) -> Any:
    return next(iter(recorded(opened.folder / "evaluation", opened.spec)))[0].pixels


@pytest.fixture(scope="module")
def installed(packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    opened, folder = open_bundle(packaged), tmp_path_factory.mktemp("linux")
    tree = rendered(opened, folder / "package")
    return Installed(opened, tree, linux.build(tree, folder / "build"))


def test_the_environment_has_the_package_numpy_and_litert_alone(installed: Installed) -> None:
    name = installed.program.package
    for absent in ("posekit", "pydantic", "torch", "PIL", "litert_torch", "pip"):
        said = installed.python("-c", f"import {absent}", code=1)
        assert f"No module named '{absent}'" in said
    found = installed.python("-c", f"import {name}, numpy, ai_edge_litert; print({name}.__file__)")
    assert Path(found.strip()).is_relative_to(installed.program.python.parents[1])
    loaded = installed.python("-c", f"import {name}, sys; print('ai_edge_litert' in sys.modules, 'PIL' in sys.modules)")
    assert loaded.split() == ["False", "False"]  # until a model is loaded or a picture read


def test_the_wheel_has_the_model_the_contract_and_the_types_and_nothing_else_is_left(installed: Installed) -> None:
    name, spec = installed.program.package, installed.bundle.spec
    with zipfile.ZipFile(installed.program.wheel) as wheel:
        names = set(wheel.namelist())
        assert wheel.read(f"{name}/pose.json") == canonical_json(spec)
        metadata = next(one for one in names if one.endswith("METADATA"))
        said = wheel.read(metadata).decode()
    assert {f"{name}/{spec.name}.tflite", f"{name}/py.typed", f"{name}/_posekit/poses/warp.py"} <= names
    assert not [one for one in names if "test" in one or one.endswith(".pyc")]
    assert "Requires-Python: >=3.9" in said
    required = [line for line in said.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert [line.split()[1].split(">")[0] for line in required] == ["ai-edge-litert", "numpy"]
    left = {path.name for path in installed.tree.iterdir()}
    assert left == {"NOTICE.md", "README.md", "pyproject.toml", "src", "tests"}


def test_it_gives_the_references_keypoints(installed: Installed, tmp_path: Path) -> None:
    """From the picture, from the reference's input, and from the reference's outputs; stored pictures upright."""
    opened, writer = installed.bundle, RequestWriter(tmp_path / "request")
    for case, reference in installed.cases:
        writer.add(case, {name: values[0] for name, values in reference.items()})
    stored = {f"stored-{number}": one for number, one in enumerate(ORIENTATIONS)}
    for name, (orientation, region) in stored.items():
        writer.add_stored(name, NOISE, orientation, region, expected_input(opened.spec, orientation, region)[0])
    hashes = file_hash(opened.model_path), contract_hash(opened.spec)
    writer.close(*hashes, ("image", "tensor"), ("cpu", "gpu"), repeats=2)
    installed.program.run(tmp_path / "request", tmp_path / "run", opened.model_path)
    run = read_run(tmp_path / "run", *hashes)
    assert run.error is None
    cpu, gpu = run.passes
    assert (cpu.used, gpu.used, len(gpu.cases)) == ("cpu", None, 0)
    assert cpu.latencies is not None
    assert cpu.latencies.inference.runs == 2 * len(cpu.cases)
    seen = {case.name: {one.mode: one for one in case.results} for case in cpu.cases}
    here = litert.open_model(opened.model_path)
    for case, reference in installed.cases:
        expected = found_in(case, reference, opened.spec)
        for mode in ("image", "tensor"):
            (person,) = seen[case.name][mode].people
            np.testing.assert_allclose(person.keypoints, expected.keypoints[0], atol=1e-3)
        made = read(tmp_path / "run", seen[case.name]["image"].input)
        np.testing.assert_array_equal(made[0], case.pixels)
        np.testing.assert_allclose(seen[case.name]["image"].people[0].keypoints,
                                   found_in(case, here(case.pixels), opened.spec).keypoints[0], atol=1e-9)  # fmt: skip
    for name, (orientation, region) in stored.items():
        made = read(tmp_path / "run", seen[name]["image"].input)
        np.testing.assert_allclose(made[0], expected_input(opened.spec, orientation, region)[0], atol=1e-3)


def read(folder: Path, tensor: Any) -> Any:
    return np.fromfile(folder / tensor.file, "<f4").reshape(tensor.shape)


def test_the_golden_vectors_hold_and_notice_a_slip(installed: Installed, tmp_path: Path) -> None:
    spec = installed.bundle.spec
    vectors = golden_run.vectors(spec, tmp_path / "golden")
    assert golden_run.judged(installed.program.golden(vectors), spec).outcome == "pass"
    broken = Path(shutil.copytree(installed.tree, tmp_path / "broken"))
    (file,) = broken.glob("src/*/_posekit/poses/input_spec.py")
    file.write_text(file.read_text().replace("return 0.5 if", "return 0.0 if"))
    check = golden_run.judged(linux.build(broken, tmp_path / "build").golden(vectors), spec)
    assert check.outcome == "fail"
    assert "warp" in check.detail


def test_the_packages_own_tests_run(installed: Installed) -> None:
    tests = installed.tree / "tests" / "test_golden.py"
    environment = {"POSEKIT_GOLDEN": str(installed.bundle.folder / "golden"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([str(installed.program.python), str(tests)], env=environment, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr


API = """
import json, sys, threading
import numpy as np
import {package} as p
from {package}.contract import CONTRACT
picture = np.fromfile(sys.argv[1], np.uint8).reshape(json.loads(sys.argv[2]))
box = json.loads(sys.argv[3])
found = {{}}
with p.{type_name}.create(threads=1) as model:
    model.warm_up()
    pose = model.estimate(picture, box)
    assert pose == model.estimate(picture, region=model.region_of_box(box)) != model.estimate(picture)
    at = pose[p.Keypoint.LEFT_WRIST]
    assert (at.x, at.y) == tuple(pose.keypoints[p.Keypoint.LEFT_WRIST]) and at.z is None
    assert [one for one, _ in pose] == list(p.Keypoint) and len(pose) == len(p.Keypoint)
    assert p.Keypoint.LEFT_WRIST.flip_partner is p.Keypoint.RIGHT_WRIST
    assert p.EDGES == ((p.Keypoint.NOSE, p.Keypoint.LEFT_WRIST),)
    turned = np.ascontiguousarray(np.rot90(picture))
    again = model.estimate(turned, box, rotation_degrees=90)
    np.testing.assert_allclose(again.keypoints, pose.keypoints, atol=1e-4)
    assert model.estimate(picture[..., ::-1][..., ::-1], box) == pose  # not contiguous
    tracker = model.region_tracker(min_score=-1e9)
    assert tracker.region is None and tracker.update(pose) is not None
    ids = model.people_tracker(min_score=-1e9).update([pose, again], 0.0)
    assert ids == [1, 2]
    smoothed = p.PeopleSmoother().smooth(ids, [pose, again], 0.0)
    assert smoothed[0] == pose
    assert p.OneEuroFilter().smooth(pose, 0.0) == pose
    others = []
    threads = [threading.Thread(target=lambda: others.append(model.estimate(picture, box))) for _ in range(4)]
    [one.start() for one in threads], [one.join() for one in threads]
    assert others == [pose] * 4
    for wrong in (picture[..., 0], picture.astype(np.float32), np.zeros((0, 4, 3), np.uint8), "text"):
        try:
            model.estimate(wrong)
        except ValueError as error:
            assert "expected uint8 (h, w, 3) RGB" in str(error)
        else:
            raise AssertionError(wrong)
    for bad in ((1, 2, 1, 5), (0, 0, float("nan"), 4), (0, 0, 1e9, 4)):
        try:
            model.estimate(picture, bad)
        except ValueError as error:
            assert "expected left, top, right, bottom" in str(error)
        else:
            raise AssertionError(bad)
model.close()
try:
    model.estimate(picture)
except ValueError as error:
    assert str(error) == "the model is closed"
else:
    raise AssertionError("closed")
infinite = {{name: np.full(shape, np.nan, np.float32) for name, shape in CONTRACT.output_shapes.items()}}
try:
    model.network.decode(infinite, None)
except p.NonFiniteOutputError as error:
    assert error.output == "heatmaps"
print(json.dumps(pose.keypoints.tolist()))
"""


def test_the_classes_of_the_package(installed: Installed, tmp_path: Path) -> None:
    spec, (case, _) = installed.bundle.spec, installed.cases[0]
    picture = load_image(case.photo.path)
    picture.tofile(tmp_path / "picture.rgb")
    box = [5.0, 4.0, 40.0, 60.0]
    script = API.format(package=installed.program.package, type_name=spec.type_name)
    said = installed.python("-c", script, tmp_path / "picture.rgb", json.dumps(picture.shape), json.dumps(box))
    from posekit.poses.regions import region_of
    from posekit.poses.warp import crop

    region = region_of((5.0, 4.0, 40.0, 60.0), (picture.shape[1], picture.shape[0]), spec.input)
    pixels, transform = crop(picture, region, spec.input)
    expected = poses_of(litert.open_model(installed.bundle.model_path, 1)(pixels), transform, spec)
    np.testing.assert_allclose(json.loads(said), expected.keypoints[0], atol=1e-9)


def test_another_models_file_is_refused(installed: Installed, tmp_path: Path) -> None:
    """A model of another contract, one without any, one that is damaged, and none at all."""
    package, spec, model = installed.program.package, installed.bundle.spec, installed.bundle.model_path
    with zipfile.ZipFile(model) as archive:
        graph = model.read_bytes()[: min(entry.header_offset for entry in archive.infolist())]
    script = (
        f"import sys, {package} as p\n"
        f"try: p.{spec.type_name}.create(folder=sys.argv[1])\n"
        "except p.PoseError as error: print(type(error).__name__, error)"
    )

    def said(graph: bytes, contract: bytes) -> str:
        (tmp_path / model.name).write_bytes(graph)
        if contract:
            with zipfile.ZipFile(tmp_path / model.name, "a") as archive:
                archive.writestr("pose.json", contract)
        return installed.python("-c", script, tmp_path)

    own = canonical_json(spec)
    assert said(graph, own) == ""
    other = said(graph, own.replace(b'"1.0.0"', b'"1.0.1"'))
    assert other.startswith("ContractMismatchError the model's contract is ")
    assert contract_hash(spec) in other
    assert "ContractMismatchError the model's contract is missing" in said(graph, b"")
    assert "ModelFileError LiteRT does not load" in said(b"\0" * 64, own)
    (tmp_path / model.name).unlink()
    assert "ModelMissingError there is no model at" in installed.python("-c", script, tmp_path)


def test_the_command_line(installed: Installed, tmp_path: Path) -> None:
    """`python -m PACKAGE picture` where Pillow is there, and what it says where it is not."""
    package, (case, _) = installed.program.package, installed.cases[0]
    assert f"pip install '{installed.bundle.spec.name}[pictures]'" in installed.python(
        "-m", package, case.photo.path, code=3
    )
    assert "[camera]" in installed.python("-m", package, "--camera", "0", code=3)
    site = next(installed.program.python.parents[1].glob("lib/python*/site-packages"))
    script = f"import sys; sys.path[:0] = {[str(site), str(pillow(tmp_path))]}; from {package}.__main__ import main; "
    run = ["-c", script + "sys.exit(main(sys.argv[1:]))"]
    said = json.loads(installed.python(*run, case.photo.path, "--json", "--out", tmp_path / "drawn.png"))
    (person,) = said["people"]
    whole = installed.python(
        "-c", f"{script}from {package}.pictures import read; from pathlib import Path\n"
        f"import {package} as p, json\nwith p.{installed.bundle.spec.type_name}.create() as model:\n"
        "    print(json.dumps(model.estimate(read(Path(sys.argv[1]))).keypoints.tolist()))", case.photo.path,
    )  # fmt: skip
    assert [one[:2] for one in person["keypoints"].values()] == json.loads(whole)
    assert load_image(tmp_path / "drawn.png").shape == load_image(case.photo.path).shape
    table = installed.python(*run, case.photo.path, "--box", "5,4,40,60")
    assert table.startswith(f"{case.photo.path.name}: 1 person")
    assert "left_wrist" in table
    (tmp_path / "no.png").write_text("no picture")
    assert "cannot read the picture" in installed.python(*run, tmp_path / "no.png", code=2)
    assert "cannot read the picture" in installed.python(*run, tmp_path / "none.png", code=2)
    assert "give pictures, or --camera" in installed.python(*run, code=2)


def pillow(folder: Path) -> Path:
    """A folder to import Pillow from, and nothing else."""
    (folder / "pillow").mkdir()
    for path in linux.needed_paths(["pillow"]):
        (folder / "pillow" / path.name).symlink_to(path)
    return folder / "pillow"


def test_a_package_that_does_not_build_is_told(installed: Installed, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(installed.tree, tmp_path / "broken"))
    (broken / "pyproject.toml").write_text("[build-system\n")
    with pytest.raises(ConversionError, match="does not build"):
        linux.build(broken, tmp_path / "build")
    (tmp_path / "empty").mkdir()
    with pytest.raises((ConversionError, InputError)):
        linux.build(tmp_path / "empty", tmp_path / "build-2")


@pytest.mark.parametrize(("damage", "says"), [*DAMAGED, (lambda request: request.update(stage="both"), "no detector")])
def test_a_damaged_request_is_told(installed: Installed, damage: Damage, says: str, tmp_path: Path) -> None:
    writer = RequestWriter(tmp_path / "request")
    writer.add_stored("dot", NOISE, Orientation(), None, installed.cases[0][0].pixels)
    writer.close("0" * 64, "0" * 64, ("image",), ("cpu",))
    damage_request(tmp_path / "request" / "request.json", damage)
    installed.program.run(tmp_path / "request", tmp_path / "run", installed.bundle.model_path)
    document = json.loads((tmp_path / "run" / "run.json").read_text())
    assert says in document["error"]
    assert document["passes"] == []


def test_a_run_on_another_machine_is_verified(
    tiny: Any, installed: Installed, tmp_path: Path, run_posekit: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    """Its own request, run by the same package as if elsewhere."""
    given = ("--spec", tiny.spec_file, "--images", tiny.images, "--out", tmp_path)
    assert run_posekit("package", tiny.save("exported"), "--platform", "linux", *given).code == 0
    bundle, request = tmp_path / "tiny-linux", tmp_path / "request"
    page = (bundle / "report" / "index.html").read_text()
    assert "needs another machine: --device-run" in page
    assert "--device or" not in page
    assert run_posekit("validate", bundle, "--write-request", request).code == 0
    installed.program.run(request, tmp_path / "run", open_bundle(bundle).model_path)
    ran = run_posekit("validate", bundle, "--device-run", tmp_path / "run", "--json")
    assert ran.code == 0, ran
    assert json.loads(ran.out)["status"] == "VERIFIED"
    refused(
        2, "validate", bundle, "--device", "adb", says=("a linux bundle is of machines such as this one", "--wrapper")
    )


def test_users_can_check_their_types(installed: Installed) -> None:
    """The package is typed, and by its own annotations right."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "/dev/null", "--python-version", "3.11"]
    missing = ["--ignore-missing-imports", "--cache-dir", "/dev/null"]
    done = subprocess.run([*command, *missing, str(next((installed.tree / "src").iterdir()))], capture_output=True,
                          text=True, timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout
