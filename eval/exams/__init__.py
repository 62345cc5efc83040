"""Published exams, asked as lm-evaluation-harness asks them: items, prompts, and the log-probability of each option."""
