"""Who may ask: API keys, roles and quotas; docs/access.md."""
