"""HTTP of the console: application, guard and errors."""
