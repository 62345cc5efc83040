"""ROUGE-L for Chinese."""
