"""The sources: one module each, with one function ``read``."""
