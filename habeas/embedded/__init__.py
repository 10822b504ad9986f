"""A broker, a database and a mail server on this machine, with a demo company."""
