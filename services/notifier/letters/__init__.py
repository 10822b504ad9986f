"""Letters: what they say and how they are composed."""
