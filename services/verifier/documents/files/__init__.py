"""Opens files of strangers: refuses all but plain pictures and letters, hands on pixels and text."""
