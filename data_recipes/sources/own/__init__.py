"""A team's own rows, documents and feedback."""
