"""Sources in, instruction datasets out: read, clean, split, prove leak-free, write a card."""
