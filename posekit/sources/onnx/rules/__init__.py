"""What each ONNX operation is in PyTorch: https://onnx.ai/onnx/operators, of every version since opset 8."""

from posekit.sources.network import Rule
from posekit.sources.onnx.rules import arithmetic, layers, reductions, resizing, shapes

RULES: dict[str, Rule] = {
    **arithmetic.RULES,
    **layers.RULES,
    **reductions.RULES,
    **resizing.RULES,
    **shapes.RULES,
}
