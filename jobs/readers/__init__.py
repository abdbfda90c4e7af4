"""From the bytes of a file to checked order events: plain Python and Arrow, run by Spark's workers."""
