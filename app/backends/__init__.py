"""What answers conversations: here, or elsewhere."""
