"""Continued pre-training: a language model goes on reading plain text."""
