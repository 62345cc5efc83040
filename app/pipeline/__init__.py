"""The stages between a user's question and the answer."""
