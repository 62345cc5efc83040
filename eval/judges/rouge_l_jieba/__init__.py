"""ROUGE-L for Chinese over words."""
