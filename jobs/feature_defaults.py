"""The features of a data set that names none: for bars of 10 s to a few minutes and 5-minute returns."""

from __future__ import annotations

from typing import Any

DEFAULT_FEATURES: tuple[dict[str, Any], ...] = (
    {"name": "return_1", "kind": "log_return", "bars": 1, "scale": "zscore"},
    {"name": "return_5", "kind": "log_return", "bars": 5, "scale": "zscore"},
    {"name": "return_15", "kind": "log_return", "bars": 15, "scale": "zscore"},
    {"name": "trade_imbalance_1", "kind": "imbalance", "buy": "n_buy_trades", "sell": "n_sell_trades", "bars": 1},
    {"name": "trade_imbalance_5", "kind": "imbalance", "buy": "n_buy_trades", "sell": "n_sell_trades", "bars": 5},
    {"name": "trade_imbalance_15", "kind": "imbalance", "buy": "n_buy_trades", "sell": "n_sell_trades", "bars": 15},
    {"name": "volume_imbalance_10", "kind": "imbalance", "buy": "buy_volume", "sell": "sell_volume", "bars": 10},
    {"name": "market_imbalance_10", "kind": "imbalance", "buy": "n_market_buys", "sell": "n_market_sells", "bars": 10},
    {"name": "limit_imbalance_5", "kind": "imbalance", "buy": "n_limit_buys", "sell": "n_limit_sells", "bars": 5},
    {"name": "cancel_imbalance_5", "kind": "imbalance", "buy": "n_cancel_buys", "sell": "n_cancel_sells", "bars": 5},
    {"name": "volume_z_60", "kind": "zscore", "column": "volume", "bars": 60},
    {"name": "n_trades_z_60", "kind": "zscore", "column": "n_trades", "bars": 60},
    {"name": "volatility_30", "kind": "volatility", "bars": 30, "scale": "zscore"},
    {"name": "range_5", "kind": "range", "bars": 5, "scale": "zscore"},
    {"name": "vwap_deviation_5", "kind": "vwap_deviation", "bars": 5, "scale": "zscore"},
)
