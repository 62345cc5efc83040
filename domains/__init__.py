"""What is specific to a domain, one folder each."""
