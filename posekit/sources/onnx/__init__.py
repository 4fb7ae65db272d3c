"""ONNX files: run by onnxruntime, converted by one PyTorch rule an operation."""
