"""Names of places on the earth that Grafana's maps can read."""

_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"


def geohash(lat: float, lon: float, length: int = 10) -> str:
    """The geohash of a point in degrees; ten characters name a place of 1.2 m by 0.6 m.

    Bits of longitude and latitude take turns, five a character (Niemeyer 2008).
    """
    bounds = [[-180.0, 180.0], [-90.0, 90.0]]
    value = 0
    for bit in range(5 * length):
        axis = bounds[bit % 2]
        middle = (axis[0] + axis[1]) / 2
        above = (lat if bit % 2 else lon) >= middle
        axis[0 if above else 1] = middle
        value = value << 1 | above
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(length)))
