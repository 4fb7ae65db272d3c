"""A connected Android device or emulator."""
