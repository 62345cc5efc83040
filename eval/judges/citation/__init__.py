"""Citation accuracy."""
