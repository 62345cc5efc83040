"""Preferences: a language model learns to prefer the better of two answers."""
