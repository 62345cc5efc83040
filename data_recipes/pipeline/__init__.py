"""The four stages of a build (read, transform, decide, write), and what runs them."""
