"""Format of image prompts."""
