"""What is asked of a contract: sampling always, colours only where the network has three channels."""

from __future__ import annotations

from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.parity.contract.alternatives import questions


def gray(mean: float = 0.0, std: float = 255.0) -> PoseSpec:
    data = preset("hrnet-coco17").model_dump(mode="json", by_alias=True)
    return parse_spec({**data, "input": {**data["input"], "color_order": "gray", "mean": mean, "std": std}}, "")


def test_a_gray_network_is_not_asked_for_its_colours() -> None:
    asked = {question.field: question for question in questions(gray(), has_frames=False, has_people=True)}
    assert "input.color_order" not in asked
    tried = [candidate.spec.input for candidate in asked["input.mean, std"].candidates]
    assert all(len(image.mean) == len(image.std) == 1 for image in tried)
    assert len({(image.mean, image.std) for image in tried}) == len(tried)
    assert {(0.0, 255.0), (127.5, 127.5), (0.0, 1.0)} <= {(image.mean[0], image.std[0]) for image in tried}
    assert min(abs(image.mean[0] - 114.495) for image in tried) < 1e-6  # ImageNet's mean, its channels averaged


def test_both_samplings_are_tried() -> None:
    (asked,) = (q for q in questions(gray(), has_frames=False, has_people=True) if q.field == "input.sampling")
    assert [candidate.value for candidate in asked.candidates] == ["bilinear", "bilinear_antialias"]
    assert not asked.is_choice
