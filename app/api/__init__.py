"""Everything about HTTP is here, and nowhere else."""
