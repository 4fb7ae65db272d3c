"""Read a recorded device run, which comes from outside, and hold it against the bundle it claims to be of."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten

from pydantic import ValidationError

from posekit import documents
from posekit.devices.format import RUN, CaseResult, DeviceRun, Mode, Pass
from posekit.documents import sentence
from posekit.errors import InputError, said
from posekit.parity.case_files import RegionOfCase, read_tensor
from posekit.parity.shipped import Shipped

MAX_DOCUMENT_BYTES = 1 << 25
MAX_MESSAGE = 500  # of the lengths that a hostile document can bring a sentence to
PACKAGE_AGAIN = "run it again with the bundle as it is now"


def read_run(folder: Path, model_sha256: str, contract_sha256: str) -> DeviceRun:
    """The document of a run; InputError where it is damaged, or of another model or contract."""
    path = folder / RUN
    try:
        if not path.exists():
            raise InputError(f"{folder} holds no {RUN}", "did the run come to its end? run.json is written last")
        if path.is_symlink() or not path.is_file():  # a pipe would be waited for
            raise InputError(f"{path} is no plain file", PACKAGE_AGAIN)
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise InputError(f"{path} has more than {MAX_DOCUMENT_BYTES} bytes")
        data = documents.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no readable device run{said(error)}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds a {type(data).__name__}, expected an object")
    try:
        run = DeviceRun.model_validate(data)
    except ValidationError as error:
        message, _ = sentence(error, str(path))
        raise InputError(shorten(message, MAX_MESSAGE), "docs/device-run.md says what a run holds") from error
    for what, seen, expected in (
        ("model", run.model_sha256, model_sha256),
        ("contract", run.contract_sha256, contract_sha256),
    ):
        if seen != expected and run.error:  # a runner that found no model has no hash to give
            raise InputError(f"the device run failed: {run.error}", PACKAGE_AGAIN)
        if seen != expected:
            raise InputError(
                f"the device run is of another {what}: its SHA-256 is {seen[:12]}..., the bundle's {expected[:12]}...",
                PACKAGE_AGAIN,
            )
    return run


def results_of(folder: Path, one: Pass, name: str, sha256: str, region: RegionOfCase | None) -> dict[Mode, Shipped]:
    """The results of one case by mode, empty where the run lacks it; InputError where its inputs were others."""
    found = next((case for case in one.cases if case.name == name), None)
    if found is None:
        return {}
    if found.sha256 != sha256:
        raise InputError(f"case {name!r} of the device run was run on another picture or tensor", PACKAGE_AGAIN)
    if found.region != region:
        raise InputError(
            f"case {name!r} of the device run was run on the region {_told(found.region)}, asked was {_told(region)}",
            PACKAGE_AGAIN,
        )
    return {result.mode: _read(folder, result) for result in found.results}


def _told(region: RegionOfCase | None) -> str:
    if region is None:
        return "of the whole frame"
    (x, y), (width, height) = region.center_xy, region.size_wh
    return f"{width!r} x {height!r} around ({x!r}, {y!r}), turned by {region.rotation_degrees!r}"


def _read(folder: Path, result: CaseResult) -> Shipped:
    return Shipped(
        None if result.input is None else read_tensor(folder, result.input, "the device run"),
        {key: read_tensor(folder, value, "the device run") for key, value in result.outputs.items()},
        result.people,
        {key: read_tensor(folder, value, "the device run") for key, value in result.dense.items()},
    )
