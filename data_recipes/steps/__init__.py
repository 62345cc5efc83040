"""Steps of a recipe: pure functions over batches of rows, each with counts and reasons."""
