"""The runtime of a service: broker, journal, vault, scheduler, settings, logs."""
