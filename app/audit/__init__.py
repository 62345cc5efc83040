"""What a service keeps of its answers: a chain of records in which later changes show; docs/access.md."""
