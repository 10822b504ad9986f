"""CSV sheets of requests, as support desks export them: one request per row."""
