"""Products that can be simulated, with their price level, tick and usual order size."""

from dataclasses import dataclass

UNITS = 100_000_000  # prices and sizes are integers of 1e-8 inside the simulator


@dataclass(frozen=True)
class Instrument:
    """One product.

    Attributes:
        symbol: Name as the exchange writes it.
        start_price: Efficient price at the start, quote currency per base unit.
        tick_size: Smallest price step, quote currency.
        median_size: Median size of a limit order, base units.
    """

    symbol: str
    start_price: float
    tick_size: float
    median_size: float

    @property
    def tick_units(self) -> int:
        """Tick size in units of 1e-8."""
        return round(self.tick_size * UNITS)


INSTRUMENTS = {
    instrument.symbol: instrument
    for instrument in (
        Instrument("BTC-USD", 30_000.0, 0.5, 0.4),
        Instrument("ETH-USD", 1_800.0, 0.02, 5.0),
        Instrument("ETH-BTC", 0.06, 0.000001, 5.0),
        Instrument("LTC-USD", 90.0, 0.001, 60.0),
        Instrument("SOL-USD", 25.0, 0.0005, 200.0),
    )
}
