model = dict(type='BottomupPoseEstimator', head=dict(type='RTMOHead', num_keypoints=17))
