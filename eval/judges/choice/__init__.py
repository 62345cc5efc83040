"""Choice accuracy."""
