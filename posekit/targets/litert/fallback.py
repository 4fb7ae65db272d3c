"""The second way to a .tflite: torch.onnx (dynamo), onnx2tf, tf.lite. An extra, because TensorFlow is large."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np

from posekit.errors import ConversionError, MissingToolError, chain, note, said
from posekit.progress import captured
from posekit.targets.graph import blame
from posekit.targets.graph.lowering import Lowered

# onnx2tf 1.28.8 fetches this file from the network at every conversion unless the working directory holds one
CALIBRATION_FILE = "calibration_image_sample_data_20x128x128x3_float32.npy"


def convert(lowered: Lowered, folder: Path, log: Path) -> bytes:
    """The float32 .tflite of the lowered graph; MissingToolError without the extra, ConversionError where it fails."""
    import torch

    log = log.resolve()  # read from another working directory below
    try:
        with captured(log):
            import onnx2tf
    except ImportError as error:
        raise MissingToolError("onnx2tf is not installed", "pip install 'posekit[tf]'") from error
    with tempfile.TemporaryDirectory(dir=folder) as scratch, contextlib.chdir(scratch):
        np.save(CALIBRATION_FILE, np.zeros((20, 128, 128, 3), np.float32))
        try:
            with captured(log):
                os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
                torch.onnx.export(
                    lowered.graph, (torch.from_numpy(lowered.pixels[None]),), "model.onnx", dynamo=True,
                    input_names=["image"], output_names=[f"output_{i}" for i in range(len(lowered.output_shapes))],
                )  # fmt: skip
                onnx2tf.convert(
                    input_onnx_file_path="model.onnx",
                    output_folder_path="out",
                    keep_shape_absolutely_input_names=["image"],
                    output_signaturedefs=True,
                    non_verbose=True,
                    copy_onnx_input_output_names_to_tflite=True,
                )
            return (Path("out") / "model_float32.tflite").read_bytes()
        except (Exception, SystemExit) as error:  # onnx2tf ends the process with sys.exit when it fails
            note(error, log)
            explained = blame.explained(lowered.graph, chain(error))
            raise ConversionError(f"onnx2tf cannot convert the network{said(error)}", explained) from error
