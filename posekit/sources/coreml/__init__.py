"""Core ML files: neural networks of the old kind and ML Programs, evaluated with PyTorch and converted anew."""
