"""Exact match and F1 of extracted answers."""
