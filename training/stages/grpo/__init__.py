"""Rewards: a language model answers, its answers are judged, and better ones than usual become likelier."""
