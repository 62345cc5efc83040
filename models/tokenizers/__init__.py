"""Tokenizers of the SentencePiece families: read from ``tokenizer.model``, run by the ``tokenizers`` library."""
