"""What operators see of a breach before anybody is told: sample letters, and documents for authorities."""
