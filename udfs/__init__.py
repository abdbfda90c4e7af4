"""Stored models as SQL functions."""
