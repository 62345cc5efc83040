"""A GGUF file as a base: read here, without transformers' own loader, into an ordinary model directory of the cache.

The names, sizes and orders of rows are those that ``models.gguf_export`` writes: its tables are read backwards.
"""
