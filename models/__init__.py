"""Plain Python models: arrays in, arrays out, no Spark."""
