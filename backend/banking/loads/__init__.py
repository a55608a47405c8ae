"""Files as banking reads them: bytes in, rows and bad lines out, by number. Nothing here asks the database."""
