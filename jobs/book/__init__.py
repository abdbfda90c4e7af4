"""The limit-order book rebuilt from order events: a compiled replay, without Spark."""
