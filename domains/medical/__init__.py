"""Chinese medicine and health: knowledge base, instructions, triage."""
