"""A teacher that writes texts, and instructions grown with it."""
