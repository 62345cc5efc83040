"""What truly everybody needs: errors, commands, hashing, safe files, logging. Nothing else belongs here."""
