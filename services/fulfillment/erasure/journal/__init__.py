"""What must be erased again after a backup was restored: remembered without clear data, and done again."""
