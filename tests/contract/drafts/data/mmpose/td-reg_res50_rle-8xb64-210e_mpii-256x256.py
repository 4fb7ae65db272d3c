_base_ = ['./_base_/default_runtime.py']
codec = dict(type='RegressionLabel', input_size=(256, 256))
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=50),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='RLEHead', in_channels=2048, num_joints=16, loss=dict(type='RLELoss', use_target_weight=True), decoder=codec),
    test_cfg=dict(flip_test=True, shift_coords=True))
dataset_type = 'MpiiDataset'
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs')
]
val_dataloader = dict(dataset=dict(type=dataset_type, data_root='data/mpii/', pipeline=val_pipeline))
test_dataloader = val_dataloader
