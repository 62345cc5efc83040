"""BLEU for Chinese."""
