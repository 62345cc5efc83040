"""Fact recall."""
