"""Supervised fine-tuning: a language model learns the answers of conversations."""
