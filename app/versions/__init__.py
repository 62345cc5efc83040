"""Versions of the model side by side: loaded, tried on a share of the requests, promoted, taken back."""
