"""BLEU for Chinese over words."""
