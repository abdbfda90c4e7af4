"""A simulated exchange: a limit-order book whose order-level messages look like Coinbase's "full" channel."""
