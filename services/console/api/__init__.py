"""The HTTP API of the console: JSON for programs of the staff, by the bearer of a session."""
