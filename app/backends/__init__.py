"""Backends that answer conversations, in this process or elsewhere."""
