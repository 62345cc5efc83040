"""Care and troubleshooting of laboratory instruments."""
