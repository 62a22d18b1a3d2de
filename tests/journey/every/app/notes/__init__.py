"""Notes: what this product is about."""
