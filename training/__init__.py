"""Methods, packing, checkpoints, merge, and the one command that runs the chain: ``training/run.py``."""
