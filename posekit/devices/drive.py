"""Run a bundle's cases on a connected device."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from posekit.bundle import Bundle, file_hash
from posekit.contract.spec import contract_hash
from posekit.devices.answer import coming_into
from posekit.devices.format import Accelerator
from posekit.devices.request import RequestWriter
from posekit.errors import InputError
from posekit.parity.cases import Case
from posekit.progress import Progress

ACCELERATORS: dict[str, tuple[Accelerator, ...]] = {
    "android": ("cpu", "gpu"), "ios": ("cpu", "gpu", "npu"), "linux": ("cpu",),
}  # fmt: skip
DRIVERS = {"adb": "android", "ios": "ios"}


def write_request(bundle: Bundle, folder: Path, cases: Iterable[Case]) -> None:
    """What a device is to do with a bundle's cases (docs/device-run.md), in a new `folder`; whole or not at all."""
    with coming_into(folder) as partial:
        writer = RequestWriter(partial)
        for case in cases:
            writer.add(case)
        hashes = file_hash(bundle.model_path), contract_hash(bundle.spec)
        writer.close(*hashes, ("image", "tensor"), ACCELERATORS[bundle.platform])


def run(
    bundle: Bundle, device: str, request: Path, out: Path, cases: Iterable[Case], step: Progress, timeout_s: float
) -> None:
    """Write the request into `request`, have the device run it, and bring its answer into `out`.

    device: `adb[:SERIAL]` or `ios[:UDID]`; timeout_s: for the run itself. InputError where it does not fit the bundle's
    platform.
    """
    from posekit.devices.android import adb
    from posekit.devices.ios import xcrun

    driver, _, which = device.partition(":")
    if DRIVERS.get(driver) != bundle.platform:
        fitting = next((name for name, platform in DRIVERS.items() if platform == bundle.platform), "")
        if not fitting:
            raise InputError(
                f"--device is {device!r}, but a {bundle.platform} bundle is of machines such as this one",
                "leave it out: --wrapper runs the package here",
            )
        raise InputError(f"--device is {device!r}, expected {fitting} or {fitting}:ID for an {bundle.platform} bundle")
    write_request(bundle, request, cases)
    drive = adb.run if driver == "adb" else xcrun.run
    drive(bundle, request, out, which, step, timeout_s)
