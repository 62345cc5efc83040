"""One readable file per model family: how it is recognised, which class loads it, where adapters go."""
