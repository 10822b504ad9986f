"""The platform of all services. It imports no service."""
