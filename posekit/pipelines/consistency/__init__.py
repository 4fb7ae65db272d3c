"""Does a bundle contradict itself? What it says is made or measured again, from its model, its contract and its
pictures."""

from posekit.pipelines.consistency.bundle_report import BundleReport
from posekit.pipelines.consistency.bundle_report import checks as of_report
from posekit.pipelines.consistency.evidence import Recordings
from posekit.pipelines.consistency.evidence import checks as of_evidence
from posekit.pipelines.consistency.model_file import checks as of_model
from posekit.pipelines.consistency.origin import UNKNOWN
from posekit.pipelines.consistency.origin import checks as of_origin
from posekit.pipelines.consistency.rendered import Edits, edits_of, refuse_foreign, render
from posekit.pipelines.consistency.rendered import checks as of_files

__all__ = [
    "UNKNOWN",
    "BundleReport",
    "Edits",
    "Recordings",
    "edits_of",
    "of_evidence",
    "of_files",
    "of_model",
    "of_origin",
    "of_report",
    "refuse_foreign",
    "render",
]  # fmt: skip
