# Copyright of the climbing club.
from mmengine.config import read_base

with read_base():
    from ._base_.default_runtime import *  # noqa
    from ._base_.datasets.climbing import dataset_info

from mmpose.codecs import SimCCLabel
from mmpose.datasets import CocoDataset, GetBBoxCenterScale, LoadImage, PackPoseInputs, TopdownAffine
from mmpose.models import PoseDataPreprocessor, RTMCCHead, TopdownPoseEstimator

size = 64
codec = dict(type=SimCCLabel, input_size=(3 * size, 4 * size), sigma=(4.9, 5.66), simcc_split_ratio=1.5)

model = dict(
    type=TopdownPoseEstimator,
    data_preprocessor=dict(type=PoseDataPreprocessor, mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    head=dict(type=RTMCCHead, in_channels=768, out_channels=len(dataset_info['keypoint_info']), decoder=codec))
codec.update(simcc_split_ratio=2.0)

val_pipeline = [
    dict(type=LoadImage),
    dict(type=GetBBoxCenterScale),
]
val_pipeline += [dict(type=TopdownAffine, input_size=codec['input_size']), dict(type=PackPoseInputs)]
val_dataloader = dict(dataset=dict(type=CocoDataset, metainfo=dataset_info, pipeline=val_pipeline))
test_dataloader = val_dataloader
