"""Which of two answers is rated higher."""
