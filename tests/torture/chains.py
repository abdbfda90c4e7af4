"""A small configuration of all jobs, and what they leave when nothing disturbs them."""

JOBS = ("ingest", "book", "resample", "normalize", "train", "score")
PIECES = (0.6, 0.7, 0.8, 0.9, 1.0)  # of the lines: the ends of the files
MODEL = "torture"
SETTINGS = {
    "max_bad": 0.05,
    "book": {"warm_seconds": 60, "depth_levels": 3},
    "bars": {"seconds": [10]},
    "model_bar_seconds": 10,
    "features": [
        {"name": "return_1", "kind": "log_return", "bars": 1, "scale": "zscore"},
        {"name": "imbalance_5", "kind": "imbalance", "buy": "n_buy_trades", "sell": "n_sell_trades", "bars": 5},
        {"name": "volatility_10", "kind": "volatility", "bars": 10, "scale": "zscore"},
    ],
    "labels": [{"name": "return_30s", "kind": "log_return", "horizon_seconds": 30}],
}


class Chain:
    """Jobs that ran unbroken in a schema, and what they left: table to digest after each job."""

    def __init__(self, schema, settings):
        self.schema, self.settings = schema, settings
        self.published, self.newest, self.seconds = {}, {}, {}
        self.whole = None

    def run(self, worker, words):
        answer = worker.run(arguments=words)
        assert answer["code"] == 0, (words, answer)
        return answer["seconds"]
