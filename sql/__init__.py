"""SQL text and the Java sources of the Spark extension, as package data; no Python lives here."""
