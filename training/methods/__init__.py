"""Tuning methods: each file holds a method's configuration and how it prepares a base model."""
