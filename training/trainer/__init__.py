"""The trainer: transformers' own, with atomic checkpoints, honest counts and an exact resume."""
