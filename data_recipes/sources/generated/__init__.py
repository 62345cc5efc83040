"""Rows written from a domain's knowledge or by a generator."""
