"""A connected iPhone or iPad."""
