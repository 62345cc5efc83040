"""Judged answers: a language model learns from single answers, each desirable or not."""
