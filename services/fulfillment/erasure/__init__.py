"""The erasure: decided record by record, carried out, and looked at again."""
