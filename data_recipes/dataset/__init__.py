"""A built dataset: read back, hashed, described and charted."""
