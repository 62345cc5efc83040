"""Adapters from the years when these families ran on their authors' code: read here, used on the native classes."""
