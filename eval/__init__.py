"""Evaluation: suites, metrics, statistics and the report that comes with every tuned model."""
