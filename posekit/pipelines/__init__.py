"""A file a command: the order of its steps."""
