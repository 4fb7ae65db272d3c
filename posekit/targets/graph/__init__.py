"""One static graph of a network that both targets convert, and its rewrites."""
