"""Brand, languages and words that pages and letters share."""
