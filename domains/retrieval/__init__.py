"""Which entries of a knowledge base a question is about, in the words that people use."""
