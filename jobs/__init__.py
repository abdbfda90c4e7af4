"""Everything with effects: sessions, tables, files, commands."""
