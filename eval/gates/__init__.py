"""The gate: what a report must show before a model is released."""
