"""How uncertain a number of people is: the one place where intervals are made.

Whether a device is in a zone is known with a probability p only. Devices are independent, so their number
has the Poisson-binomial distribution with mean sum(p) and variance sum(p (1 - p)) (Le Cam 1960). Its 90 %
interval is taken from the normal with that mean and variance, cut off at zero, and rounded outwards to whole
people. To this variance `positioning.people.ratio` adds that of people who carry no phone or two.
"""

from math import ceil, floor, sqrt

Z_90 = 1.6448536269514722
"""95th percentile of the standard normal: 90 % lie between minus and plus this."""


def interval(mean: float, variance: float) -> tuple[int, int]:
    """The 90 % interval (low, high), in whole people, of a number with this mean and variance."""
    half = Z_90 * sqrt(max(variance, 0.0))
    return max(0, floor(mean - half + _EPSILON)), ceil(mean + half - _EPSILON)


_EPSILON = 1e-9
"""Keeps a whole number with no variance what it is."""
