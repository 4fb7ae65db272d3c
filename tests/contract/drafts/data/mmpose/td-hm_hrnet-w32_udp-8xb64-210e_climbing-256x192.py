_base_ = './td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'

codec = dict(
    type='UDPHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, blur_kernel_size=13)

model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    head=dict(out_channels=5, decoder=dict(_delete_=True, **codec)))

val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.1),
    dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True),
    dict(type='PackPoseInputs')
]
val_dataloader = dict(
    dataset=dict(
        pipeline=val_pipeline,
        metainfo=dict(from_file='_base_/datasets/climbing.py')))
test_dataloader = val_dataloader
