"""The erasure journal: hashes of erased records, to erase them again after a backup was restored."""
