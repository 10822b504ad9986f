"""The parts of a stack: a broker, a database and a mail server, each in its own process."""
