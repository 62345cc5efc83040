"""The stages between a person's question and the answer."""
