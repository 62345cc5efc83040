"""Datasets made of built datasets."""
