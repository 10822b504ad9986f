"""The business stores."""
