"""Final-answer accuracy."""
