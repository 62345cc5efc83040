"""Distillation: a language model learns, token by token, what a larger one would say of the answers."""
