"""What a model is trained on: supervised sequences in packed or padded rows, windows of passages."""
