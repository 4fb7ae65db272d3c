"""The report of one evaluation: the document, the pictures to look at, and the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import codegen
from posekit.images import load_image
from posekit.overlay import overlay
from posekit.parity import report
from posekit.parity.cases import Case, Tensors, poses_of
from posekit.parity.evaluate import Evaluation, ReferenceCase
from posekit.poses import concatenate
from posekit.spec import PoseSpec

Run = Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]]


def write(
    folder: Path,
    evaluation: Evaluation,
    spec: PoseSpec,
    facts: Mapping[str, Any],
    named: Callable[[Collection[str]], Iterable[ReferenceCase]],
    packaged: Run,
) -> dict[str, Any]:
    """Write report.json, junit.xml and index.html into `folder`; gives the document.

    named: the cases of those names with their reference outputs, for the pictures of the worst; packaged: the
    packaged model, run here.
    """
    document = report.as_json(evaluation, facts)
    worst = [error.case for error in evaluation.worst]
    pictures = [_picture(case, packaged(case.pixels), spec) for case, _ in named(worst)]
    document["pictured"] = "packaged model"
    page = codegen.template_root() / "report" / "index.html.j2"
    report.write(folder, document, evaluation, pictures, page)
    return document


def _picture(case: Case, outputs: Tensors, spec: PoseSpec) -> str:
    finite = all(np.isfinite(values).all() for values in outputs.values())
    poses = concatenate([poses_of(outputs, case.transform, spec)] if finite else [], spec.keypoint_count)
    picture = overlay(load_image(case.photo.path), poses, spec.keypoints.names, spec.keypoints.edges)
    picture.thumbnail((640, 640))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
