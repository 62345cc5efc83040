"""What an answer claims, and whether the entries of a knowledge base hold it."""
