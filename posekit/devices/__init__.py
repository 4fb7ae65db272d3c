"""What a phone, or this machine in its place, is asked to run, and what it answers."""
