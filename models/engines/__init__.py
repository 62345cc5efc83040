"""Engines run a model: generate, stream, score. Evaluation and the service use the same ones."""
