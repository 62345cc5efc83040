"""PostgreSQL as the place of records and keys, for several replicas; docs/access.md. An extra: ``postgres``."""
