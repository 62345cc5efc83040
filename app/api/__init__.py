"""What is spoken over HTTP, and nowhere else."""
