dataset_info = dict(
    dataset_name='climbing',
    paper_info=dict(author='the climbing club', title='Holds and hands', year='2024'),
    keypoint_info={
        0: dict(name='head', id=0, color=[51, 153, 255], type='upper', swap=''),
        1: dict(name='L-hand', id=1, color=[0, 255, 0], type='upper', swap='R-hand'),
        2: dict(name='R-hand', id=2, color=[255, 128, 0], type='upper', swap='L-hand'),
        3: dict(name='L-foot', id=3, color=[0, 255, 0], type='lower', swap='R-foot'),
        4: dict(name='R-foot', id=4, color=[255, 128, 0], type='lower', swap='L-foot')
    },
    skeleton_info={
        0: dict(link=('head', 'L-hand'), id=0, color=[0, 255, 0]),
        1: dict(link=('head', 'R-hand'), id=1, color=[255, 128, 0])
    },
    joint_weights=[1.] * 5,
    sigmas=[0.026, 0.062, 0.062, 0.089, 0.089])
