"""Abstentions and over-refusals."""
