_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/coco.py']
log_level = 'INFO'
evaluation = dict(interval=10, metric='mAP')

channel_cfg = dict(
    num_output_channels=17,
    dataset_joints=17,
    dataset_channel=[list(range(17))],
    inference_channel=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])

# model settings
model = dict(
    type='TopDown',
    pretrained=None,
    backbone=dict(type='LiteHRNet', in_channels=3),
    keypoint_head=dict(
        type='TopdownHeatmapSimpleHead',
        in_channels=40,
        out_channels=channel_cfg['num_output_channels'],
        num_deconv_layers=0,
        extra=dict(final_conv_kernel=1, ),
        loss_keypoint=dict(type='JointsMSELoss', use_target_weight=True)),
    train_cfg=dict(),
    test_cfg=dict(flip_test=True, post_process='unbiased', shift_heatmap=True, modulate_kernel=17))

data_cfg = dict(
    image_size=[192, 256],
    heatmap_size=[48, 64],
    num_output_channels=channel_cfg['num_output_channels'],
    num_joints=channel_cfg['dataset_joints'])

val_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TopDownAffine'),
    dict(type='ToTensor'),
    dict(type='NormalizeTensor', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    dict(type='Collect', keys=['img'], meta_keys=['image_file', 'center', 'scale', 'rotation', 'bbox_score']),
]
test_pipeline = val_pipeline
data = dict(
    samples_per_gpu=64,
    val=dict(type='TopDownCocoDataset', data_cfg=data_cfg, pipeline=val_pipeline, dataset_info={{_base_.dataset_info}}),
    test=dict(type='TopDownCocoDataset', data_cfg=data_cfg, pipeline=val_pipeline, dataset_info={{_base_.dataset_info}}))
