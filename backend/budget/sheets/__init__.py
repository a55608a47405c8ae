"""Tables of entries as text files: read with care, since banks and spreadsheets write them in every way; and written.

Nothing here knows the database. What is read comes as pieces of bytes of any size and goes out row by row, so a file
of any length takes the memory of its longest line.
"""
