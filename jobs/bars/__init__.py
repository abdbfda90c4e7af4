"""Bars added up from arrays of trades and orders: compiled, without Spark."""
