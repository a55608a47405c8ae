"""Support chat over REST (S1-R26 to S1-R28, and what the socket does for clients that hold none)."""
