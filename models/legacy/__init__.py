"""Adapters of the years when these families ran on their authors' own code: read here, used on the native classes."""
