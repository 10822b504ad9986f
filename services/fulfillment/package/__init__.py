"""The package for a requester: records, pages, explanations and their verification."""
