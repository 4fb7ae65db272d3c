"""LiteRT: .tflite files made, compressed and read back."""
