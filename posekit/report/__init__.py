"""Evidence as pages and documents."""
