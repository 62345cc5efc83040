"""Care and fault-finding of laboratory instruments."""
