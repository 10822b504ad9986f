"""The state of the installation: queues, parked messages, parts."""
