"""How far files are on their way into the books: for keys, and for the managers of banks."""
