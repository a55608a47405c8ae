"""Files of any size into the books: begun by a command or an upload, gone through in parts by whoever has time.

`starting` and `uploads` begin a load, `running` goes through its parts, `books` and `customers` know what the lines of
each kind become, `ending` says when all is through, and `sweeping` takes up what nobody works on.
"""
