"""Claim support: what an answer says against the entries that were given."""
