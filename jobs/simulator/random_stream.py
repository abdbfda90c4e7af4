"""Random numbers that are the same on every machine and for every chunk size: SplitMix64 in a one-element array.

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

import math
import zlib

import numpy as np

from models.compiled import kernel, part

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@part
def mix(number):  # type: ignore[no-untyped-def]
    """Scramble 64 bits (bijective)."""
    number = (number ^ (number >> _S30)) * _MIX_1
    number = (number ^ (number >> _S27)) * _MIX_2
    return number ^ (number >> _S31)


@kernel
def next_uniform(stream):  # type: ignore[no-untyped-def]
    """Draw from the open interval (0, 1) and move ``stream`` (uint64[1]) on."""
    stream[0] += _GOLDEN
    return (float(mix(stream[0]) >> _S11) + 0.5) / 9007199254740992.0


@kernel
def next_exponential(stream):  # type: ignore[no-untyped-def]
    """Draw from the exponential distribution with mean 1."""
    return -math.log(next_uniform(stream))


@kernel
def next_normal(stream):  # type: ignore[no-untyped-def]
    """Draw from the standard normal distribution (Box and Muller 1958)."""
    radius = math.sqrt(2.0 * next_exponential(stream))
    return radius * math.cos(2.0 * math.pi * next_uniform(stream))


def stream_key(*parts: object) -> int:
    """64-bit key of any parts that print the same everywhere, to start a stream or to name orders."""
    text = "/".join(str(part) for part in parts).encode()
    return (zlib.crc32(text) << 32) | zlib.crc32(text[::-1] + b"~")


def new_stream(*parts: object) -> np.ndarray:
    """Start the stream that belongs to ``parts``."""
    return np.array([stream_key(*parts)], dtype=np.uint64)
