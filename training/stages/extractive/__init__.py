"""Extractive question answering: an encoder learns to mark the part of a passage that answers a question."""
