"""What `validate` measures beside the model itself, and which of it contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posekit.errors import InputError


@dataclass(frozen=True, slots=True)
class ValidateOptions:
    """What to measure beside the model itself.

    wrapper: run the generated code on this machine. device: `adb[:SERIAL]` or `ios[:UDID]`, which has timeout_s for it.
    device_run: the folder of a run recorded elsewhere. write_request: a new folder for what such a run is to do.
    report: a folder for a report of this validation. allow_edited: pass a wrapper that was edited; trust: compile and
    run it though it is not posekit's own code, and the code that the network's pickle holds. source: the trained
    network, which the bundle is made from again; spec: the contract that is meant to be in it, else the file beside the
    network, with `changes` made; arch: builds the network of a state dict; weights: of a checkpoint that holds several
    sets. detector: of two stages, the trained network that finds people, with a spec and an arch of its own.
    calibration: the pictures that the precision was calibrated with, with their annotations, which are chosen and
    measured again. workers: processes that look at `images`, 0 for as many as help; scheduler: of a Dask cluster, whose
    workers look instead.
    """

    images: Path | None = None
    annotations: Path | None = None
    wrapper: bool = False
    device: str = ""
    timeout_s: float = 600
    device_run: Path | None = None
    write_request: Path | None = None
    report: Path | None = None
    allow_edited: bool = False
    trust: bool = False
    source: Path | None = None
    spec: str = ""
    changes: Sequence[str] = ()
    arch: str = ""
    weights: str = ""
    detector: Path | None = None
    detector_spec: str = ""
    detector_arch: str = ""
    calibration: Path | None = None
    calibration_annotations: Path | None = None
    workers: int = 0
    scheduler: str = ""

    def check(self, folder: Path) -> None:
        """InputError for options that contradict each other, or folders that are taken."""
        if self.annotations is not None and self.images is None:
            raise InputError("--annotations needs --images, the folder of its pictures")
        if self.images is None and (self.workers or self.scheduler):
            raise InputError("--workers and --scheduler are for many pictures", "give their folder with --images")
        if self.calibration is not None and self.source is None:
            raise InputError("--calibration needs --source, the network that its pictures are shown to")
        if self.changes and self.source is None:
            raise InputError("--set needs --source, the network whose contract it changes", "a bundle's own is fixed")
        if self.detector is not None and self.source is None:
            raise InputError("--detector needs --source, the network that it finds people for")
        if self.wrapper + bool(self.device) + (self.device_run is not None) > 1:
            raise InputError("--wrapper, --device and --device-run are three places to run the wrapper", "choose one")
        for option, new in (("--report", self.report), ("--write-request", self.write_request)):
            if new is not None and new.exists() and (not new.is_dir() or any(new.iterdir())):
                raise InputError(
                    f"{new} is {'not empty' if new.is_dir() else 'a file'}", f"give {option} a folder that is new"
                )
            if new is not None and new.resolve().is_relative_to(folder.resolve()):
                raise InputError(
                    f"{new} is in the bundle {folder}, whose files are listed", f"give {option} another folder"
                )


PLAIN = ValidateOptions()  # the model itself and nothing beside it
