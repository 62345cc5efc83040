"""Emergencies referred to care."""
