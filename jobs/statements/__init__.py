"""The model statements of SQL: CREATE MODEL and its kin."""
