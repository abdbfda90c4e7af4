"""Kinds of features: the arguments that each one takes. The formulas are in ``feature_columns``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.setting_items import NAME

BOOK_COLUMNS = (  # NULL unless the book was rebuilt before the bars
    *("bid_price", "bid_size", "ask_price", "ask_size", "mid", "microprice", "spread_bps"),
    *("bid_depth", "ask_depth", "bid_slope", "ask_slope", "order_flow_imbalance"),
)
BAR_COLUMNS = (
    *("open", "high", "low", "close", "volume", "vwap", "n_trades", "n_buy_trades", "n_sell_trades"),
    *("buy_volume", "sell_volume", "n_limit_buys", "n_limit_sells", "limit_buy_size", "limit_sell_size"),
    *("n_market_buys", "n_market_sells", "market_buy_size", "market_sell_size"),
    *("n_cancel_buys", "n_cancel_sells", "cancel_buy_size", "cancel_sell_size"),
    *BOOK_COLUMNS,
)
TIME_COLUMNS = ("last_trade_at", "last_event_at", "last_quote_at")


class Feature(BaseModel):
    """One feature: its field name in ``features.features``, its kind, and a scale fitted on training time."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    column_arguments: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = BAR_COLUMNS  # that these arguments choose from

    name: str = Field(pattern=NAME)
    scale: Literal["zscore", "minmax"] | None = None

    @property
    def bars_before(self) -> int:
        """How many bars before its own the feature reads."""
        return 0

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns of ``bars`` that its arguments name."""
        return tuple(getattr(self, argument) for argument in self.column_arguments)


class LogReturn(Feature):
    """ln(column / column ``bars`` bars before); unitless."""

    column_arguments = ("column",)
    kind: Literal["log_return"] = "log_return"
    bars: int = Field(ge=1)
    column: str = "close"

    @property
    def bars_before(self) -> int:
        """The bar that the return starts from."""
        return self.bars


class CrossReturn(Feature):
    """Log return of another symbol of the exchange over ``bars`` bars, ``lag`` bars ago; unitless.

    Its close counts on until its next bar; NULL before its first. Source: lead and lag between markets, de Jong and
    Nijman (1997), "High frequency analysis of lead-lag relationships between financial markets".
    """

    kind: Literal["cross_return"] = "cross_return"
    symbol: str = Field(min_length=1)
    bars: int = Field(default=1, ge=1)
    lag: int = Field(default=0, ge=0)

    @property
    def bars_before(self) -> int:
        """The bar that the return starts from."""
        return self.bars + self.lag


class LogRatio(Feature):
    """ln(numerator / denominator), for example of microprice and mid; NULL where one is not above 0."""

    column_arguments = ("numerator", "denominator")
    kind: Literal["log_ratio"] = "log_ratio"
    numerator: str
    denominator: str


class ZScore(Feature):
    """(column - mean) / sample deviation, both of the ``bars`` bars before, the bar itself left out.

    NULL where those are all equal.
    """

    column_arguments = ("column",)
    kind: Literal["zscore"] = "zscore"
    column: str
    bars: int = Field(ge=2)

    @property
    def bars_before(self) -> int:
        """All bars of mean and deviation."""
        return self.bars


class _OverLastBars(Feature):
    bars: int = Field(default=1, ge=1)

    @property
    def bars_before(self) -> int:
        """The window ends with the bar itself."""
        return self.bars - 1


class Imbalance(_OverLastBars):
    """sum(buy - sell) / sum(buy + sell) over the last ``bars`` bars, -1 to 1; 0 where nothing came from either side.

    Source: order flow imbalance, Cont, Kukanov and Stoikov (2014), "The price impact of order book events".
    """

    column_arguments = ("buy", "sell")
    kind: Literal["imbalance"] = "imbalance"
    buy: str
    sell: str


class Ratio(_OverLastBars):
    """sum(numerator) / sum(denominator) over the last ``bars`` bars; NULL where the denominator is 0."""

    column_arguments = ("numerator", "denominator")
    kind: Literal["ratio"] = "ratio"
    numerator: str
    denominator: str


class Volatility(Feature):
    """Realized volatility: root of the sum of the last ``bars`` squared log returns of one bar; unitless.

    Source: Andersen and Bollerslev (1998), "Answering the skeptics".
    """

    kind: Literal["volatility"] = "volatility"
    bars: int = Field(ge=1)

    @property
    def bars_before(self) -> int:
        """The first return starts from the bar before the window."""
        return self.bars


class VwapDeviation(_OverLastBars):
    """ln(close / vwap of the last ``bars`` bars); 0 where they have no trade."""

    kind: Literal["vwap_deviation"] = "vwap_deviation"


class Range(_OverLastBars):
    """ln(highest high / lowest low) of the last ``bars`` bars; unitless, at least 0.

    Source: Parkinson (1980), "The extreme value method for estimating the variance of the rate of return".
    """

    kind: Literal["range"] = "range"


class Intensity(_OverLastBars):
    """Events a second: sum(column) / seconds of the last ``bars`` bars; for arrivals and cancels, of either side.

    Source: arrival rates of Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics".
    """

    column_arguments = ("column",)
    kind: Literal["intensity"] = "intensity"
    column: str


class Amihud(Feature):
    """Illiquidity: mean of |log return| / notional over those of the last ``bars`` bars that have a trade.

    Per unit of quote currency, times ``per``; NULL where no bar has a trade.
    Source: Amihud (2002), "Illiquidity and stock returns".
    """

    kind: Literal["amihud"] = "amihud"
    bars: int = Field(ge=1)
    per: float = Field(default=1e6, gt=0)

    @property
    def bars_before(self) -> int:
        """The first return starts from the bar before the window."""
        return self.bars


class KyleLambda(Feature):
    """Price impact: slope of the log return on signed volume (buy - sell) over the last ``bars`` bars.

    Per base unit; NULL where the signed volume does not vary.
    Source: Kyle (1985), "Continuous auctions and insider trading", as a regression in Hasbrouck (2009).
    """

    kind: Literal["kyle_lambda"] = "kyle_lambda"
    bars: int = Field(ge=3)

    @property
    def bars_before(self) -> int:
        """The first return starts from the bar before the window."""
        return self.bars


class Roll(Feature):
    """Effective spread: 2 * root(-cov(log return, the one before)) over the last ``bars`` bars; 0 where cov is above 0.

    Unitless, a share of the price. Source: Roll (1984), "A simple implicit measure of the effective bid-ask spread".
    """

    kind: Literal["roll"] = "roll"
    bars: int = Field(ge=3)

    @property
    def bars_before(self) -> int:
        """The return before the first one of the window starts two bars before it."""
        return self.bars + 1


class Value(Feature):
    """A column of the bar as it is, in its unit."""

    column_arguments = ("column",)
    kind: Literal["value"] = "value"
    column: str


class SecondsSince(Feature):
    """Seconds from a time that the bar has seen (the last trade, event or quote) to ``available_at``; never below 0.

    Source: durations between events, Engle and Russell (1998), "Autoregressive conditional duration".
    """

    column_arguments = ("column",)
    columns = TIME_COLUMNS
    kind: Literal["seconds_since"] = "seconds_since"
    column: str = "last_event_at"


class TimeOfDaySine(Feature):
    """sin(2 pi * time of day / 1 day) of ``available_at``, UTC."""

    kind: Literal["time_of_day_sine"] = "time_of_day_sine"


class TimeOfDayCosine(Feature):
    """cos(2 pi * time of day / 1 day) of ``available_at``, UTC."""

    kind: Literal["time_of_day_cosine"] = "time_of_day_cosine"


FEATURE_KINDS: dict[str, type[Feature]] = {
    str(kind.model_fields["kind"].default): kind
    for kind in (
        *(LogReturn, ZScore, Imbalance, Ratio, LogRatio, CrossReturn, Volatility, VwapDeviation, Range, Intensity),
        *(Amihud, KyleLambda, Roll, Value, SecondsSince, TimeOfDaySine, TimeOfDayCosine),
    )
}
