"""A team's own folder of documents, FAQ pairs and entries."""
