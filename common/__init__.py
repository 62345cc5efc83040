"""What every package needs: errors, commands, hashing, safe files, logging. Nothing else belongs here."""
