"""What is particular to a domain, one folder each."""
