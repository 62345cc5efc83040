"""No domain in particular: no knowledge base, no rules, neutral notices."""
