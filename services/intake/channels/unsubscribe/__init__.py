"""One-click unsubscribe (RFC 8058): links for the company's mailers, and what happens when one is clicked."""
