"""One module per step; the newest is what the code of this version works with."""
