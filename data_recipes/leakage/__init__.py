"""What keeps tests out of training: normalising, hashing, near-duplicates, groups, splits, overlap."""
