model = dict(
    type='RTMDet',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395]),
    backbone=dict(type='CSPNeXt', arch='P5'),
    bbox_head=dict(type='RTMDetSepBNHead', num_classes=80))
