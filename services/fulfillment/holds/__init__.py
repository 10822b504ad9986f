"""Legal holds: records that no erasure and no purge may take."""
