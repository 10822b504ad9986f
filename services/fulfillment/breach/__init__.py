"""The scope of a breach: the people affected, found by the data map, and their sealed notices."""
