"""The search: finds a person's records in all stores, along the data map."""
