"""Sign-in of staff: sessions, accounts, and the client of intake's staff API."""
