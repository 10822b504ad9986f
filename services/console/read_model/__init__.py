"""The read model: the facts of each case, and the rows that follow from them."""
