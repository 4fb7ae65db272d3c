"""The accuracy of a bundle's model on annotated pictures that are given with `validate --images`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from posekit import bundle
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.parity.accuracy import accuracy, can_be_told
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Check, Outcome, accuracy_skips
from posekit.pipelines.inputs import refuse_boxes
from posekit.pipelines.measuring import Seen, begun, work_of
from posekit.pipelines.validate_options import ValidateOptions
from posekit.poses.photos import Photos, find_photos, refuse_unreadable, without
from posekit.progress import Progress
from posekit.runtimes.workers.processes import Staff


def annotated(folder: Path, annotations: Path | None, spec: PoseSpec) -> Photos:
    """Pictures whose people have keypoints: a bundle has no network to compare with on others."""
    refuse_boxes(spec)
    found = find_photos(folder, annotations, spec.keypoints.names, with_nobody=spec.has_several)
    refuse_unreadable(found)
    _refuse_unlabelled(found, spec)
    return found


def looking(
    opened: bundle.Bundle, given: Photos | None, options: ValidateOptions, step: Progress, staff: Staff | None
) -> contextlib.AbstractContextManager[Callable[[], list[Seen]]]:
    """The given pictures, on their way to whoever looks at them while the bundle is held against itself."""
    if given is None:
        return contextlib.nullcontext(list)
    work = work_of(opened.platform, opened.model_path, opened.spec)
    return begun(work, given.photos, options.workers, options.scheduler, step, staff)


def with_accuracy(
    evaluation: Evaluation, given: Photos, seen: Sequence[Seen], spec: PoseSpec
) -> tuple[Evaluation, tuple[str, ...]]:
    """The evaluation with what was seen in the pictures, and the warnings of those that were left out."""
    read = without(given, {picture.number: picture.unread for picture in seen if picture.unread is not None})
    _refuse_unlabelled(read, spec)
    found, truth = (
        [one for picture in seen for one in picture.found],
        [one for picture in seen for one in picture.truth],
    )
    measured = accuracy(found, truth, spec)
    checks = (*evaluation.checks, *accuracy_skips([one for picture in seen for one in picture.untold], measured))
    if measured is None:
        checks = (*checks, Check("accuracy on the pictures", Outcome.FAIL, "a keypoint is not finite"))
        return replace(evaluation, checks=checks), read.warnings
    return replace(evaluation, checks=checks, accuracy={"packaged": measured}), read.warnings


def _refuse_unlabelled(found: Photos, spec: PoseSpec) -> None:
    if not can_be_told(found.photos, spec):
        raise InputError(
            "the pictures given with --images have no labelled keypoints that the model could be measured against",
            "add --annotations FILE (COCO); for a model of whole pictures those of pictures with one person each count",
        )
