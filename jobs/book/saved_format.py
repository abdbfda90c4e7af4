"""Version of a saved book's bytes and of what is written of it: books of another one are replayed from nothing."""

FORMAT = "foretable book 3"
