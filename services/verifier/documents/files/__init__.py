"""Opens what strangers send: refuses what is not plainly a picture or letter, hands on pixels and text."""
