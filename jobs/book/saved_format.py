"""Version of the bytes of a saved book: books of another one are replayed from their first event."""

FORMAT = "foretable book 2"
