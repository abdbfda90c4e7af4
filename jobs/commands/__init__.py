"""One command of `foretable` a file; each imports Spark only when it runs."""
