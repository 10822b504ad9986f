"""The real parts a stack is made of: a broker, a database and a mail server, each a process of its own."""
