"""The splits that every part of the chain knows by name; all others are tests."""

TRAIN, DEV = "train", "dev"
