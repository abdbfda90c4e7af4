"""The program that spark-submit runs for `foretable sql`; alone in its folder, which Spark puts first on the path."""
