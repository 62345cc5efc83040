"""Names of people in Chinese text: what their form makes certain, and what is found in running text."""
