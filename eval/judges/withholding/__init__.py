"""Withholding what is a doctor's to decide."""
