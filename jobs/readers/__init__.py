"""From the bytes of a file to checked order events: plain Python and Arrow, so that Spark's workers run it on any cluster."""
