"""The erasure: planned record by record, executed and verified."""
