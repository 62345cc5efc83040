"""Image prompts in Midjourney's style."""
