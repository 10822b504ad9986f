"""One-click unsubscribe (RFC 8058): links for the company's mailers, and their page."""
