"""What a service owes its users and its supervisors beside the answer; docs/compliance.md."""
