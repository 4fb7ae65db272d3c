"""Core ML: ML Programs made, compressed and read back."""
