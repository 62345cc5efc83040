"""Tests on real weights: ``make test-real MODEL=DIR|FILE.gguf``."""
