"""Primary-school mathematics: exact values, final answers, and a generator of word problems with checked solutions."""
