"""The console of the privacy staff: a read model of all cases, an API and a web application."""
