model = dict(type='EncoderDecoder', backbone=dict(type='ResNetV1c'), decode_head=dict(type='FCNHead', num_classes=19))
