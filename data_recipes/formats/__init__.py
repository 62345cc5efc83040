"""Files of any encoding and layout, read row by row."""
