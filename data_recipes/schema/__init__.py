"""What is passed around: examples, the account of dropped rows, the manifest, and their Arrow form."""
