"""Reward model: a language model learns to rate answers, from pairs of a better and a worse one."""
