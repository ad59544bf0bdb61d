"""Who comes to the mall, when, and what for.

Dwell times follow log-normal distributions, as measured stays in shops do (Yoshimura et al. 2014 for museums;
Phua et al. 2017 for shops), with medians a shopkeeper would recognise. Hours are those of the mall's day.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stay:
    """How long people stay with one kind of business, and how often they move while they are there."""

    median_s: float
    spread: float
    """Standard deviation of the logarithm."""
    pause_s: float
    """Mean time at one spot before moving on within the room."""


STAYS = {
    "fashion": Stay(480, 0.7, 40),
    "sports": Stay(480, 0.7, 45),
    "kids": Stay(720, 0.7, 60),
    "beauty": Stay(420, 0.7, 50),
    "jewellery": Stay(360, 0.8, 70),
    "electronics": Stay(540, 0.8, 60),
    "home": Stay(540, 0.7, 45),
    "books": Stay(900, 0.8, 90),
    "services": Stay(900, 0.6, 180),
    "cafe": Stay(1200, 0.6, 420),
    "food": Stay(240, 0.5, 50),
    "restaurant": Stay(3000, 0.35, 1200),
    "food_court": Stay(1700, 0.4, 600),
    "grocery": Stay(1300, 0.5, 35),
    "department": Stay(1400, 0.6, 45),
    "entertainment": Stay(6000, 0.35, 2400),
    "facility": Stay(200, 0.4, 120),
    "stroll": Stay(60, 1.0, 75),
}
"""By the category of a zone; `facility` for toilets and desks, `stroll` for a pause on a promenade."""

OTHER = Stay(480, 0.7, 60)
"""Any other category."""


@dataclass(frozen=True, slots=True)
class Persona:
    """A kind of visitor."""

    name: str
    arrivals: dict[float, float]
    """Hour of the day -> relative rate of arrival; linear in between, none outside."""
    share: float
    """Share of all visitors of a day."""
    stops: tuple[float, int]
    """Mean number of things to do, and the most."""
    wants: dict[str, float]
    """Category -> weight."""
    stay_factor: float = 1.0
    meal: float = 0.0
    """Probability of a meal when there at lunch or dinner time."""
    meal_at: tuple[float, float] = (0.0, 2.0)
    """When in the visit: 0 is its begin; at 1 the first floor is done, at 2 all."""
    party: dict[int, float] = field(default_factory=lambda: {1: 1.0})
    """Size of the party -> probability. A party walks together; each has a phone."""
    speed_m_s: tuple[float, float] = (1.15, 0.18)
    """Mean and standard deviation of the walking speed between shops (Weidmann 1993, shopping)."""
    routine: tuple[tuple[str, float], ...] = ()
    """Instead of wants: categories in order with hours of stay; `shop` is always the same one."""
    pause_s: float = 150.0
    """Mean time at one spot, for those with a routine."""


_ALL_DAY = {
    10: 0.3,
    11: 0.7,
    12: 0.9,
    13: 0.8,
    15: 1.0,
    17: 0.9,
    18: 1.0,
    19: 1.0,
    20: 0.7,
    21: 0.2,
    21.5: 0.0,
}

PERSONAS = (
    Persona(
        "lunch-goer",
        arrivals={11.2: 0.0, 11.8: 1.0, 12.4: 1.0, 13.2: 0.2, 13.6: 0.0},
        share=0.16,
        stops=(1.3, 3),
        wants={"cafe": 2, "electronics": 0.6, "books": 0.6, "food": 1, "services": 0.5, "stroll": 4},
        stay_factor=0.7,
        meal=0.95,
        meal_at=(0.0, 0.3),
        party={1: 0.45, 2: 0.35, 3: 0.2},
        speed_m_s=(1.3, 0.15),
    ),
    Persona(
        "family",
        arrivals={10: 0.3, 11: 0.9, 13: 0.6, 14.5: 1.0, 16: 1.0, 17.5: 0.9, 19: 0.5, 20: 0.1, 21: 0.0},
        share=0.2,
        stops=(4.5, 9),
        wants={
            "kids": 5,
            "fashion": 2,
            "department": 2,
            "grocery": 2.5,
            "home": 1,
            "facility": 1.2,
            "stroll": 6,
            "food": 1,
        },
        stay_factor=1.15,
        meal=0.7,
        party={2: 0.5, 3: 0.4, 4: 0.1},
        speed_m_s=(0.95, 0.15),
    ),
    Persona(
        "window-shopper",
        arrivals=_ALL_DAY,
        share=0.24,
        stops=(6.0, 14),
        wants={
            "fashion": 5,
            "beauty": 2.5,
            "jewellery": 1.5,
            "home": 1.5,
            "department": 2,
            "cafe": 1,
            "books": 1,
            "stroll": 10,
        },
        stay_factor=0.7,
        meal=0.25,
        party={1: 0.5, 2: 0.45, 3: 0.05},
        speed_m_s=(1.0, 0.18),
    ),
    Persona(
        "errand",
        arrivals=_ALL_DAY | {17: 1.0, 18: 1.6, 19: 1.5, 20.5: 0.6},
        share=0.24,
        stops=(1.4, 3),
        wants={
            "grocery": 6,
            "services": 3,
            "electronics": 1,
            "beauty": 0.7,
            "food": 2,
            "books": 0.4,
            "facility": 0.3,
        },
        stay_factor=0.7,
        speed_m_s=(1.35, 0.18),
    ),
    Persona(
        "teenager",
        arrivals={14: 0.0, 15.5: 0.5, 16.5: 1.0, 18: 1.0, 19.5: 0.6, 20.5: 0.0},
        share=0.13,
        stops=(4.0, 9),
        wants={
            "entertainment": 1.5,
            "electronics": 2,
            "sports": 2,
            "fashion": 2,
            "cafe": 2,
            "food": 1.5,
            "stroll": 8,
        },
        stay_factor=0.8,
        meal=0.3,
        party={1: 0.2, 2: 0.4, 3: 0.3, 4: 0.1},
        speed_m_s=(1.2, 0.2),
    ),
    Persona(
        "staff",
        arrivals={9.4: 0.6, 9.7: 1.0, 10: 0.2, 10.2: 0.0, 15.2: 0.0, 15.5: 1.0, 15.9: 0.0},
        share=0.03,
        stops=(1.0, 1),
        wants={},
        routine=(("shop", 2.6), ("food_court", 0.55), ("shop", 2.7)),
        speed_m_s=(1.3, 0.12),
    ),
)

MEALS_H = ((11.3, 13.5), (17.2, 19.5))
"""When people eat: the two periods of the day, in hours."""
EATING = {"food_court": 0.55, "restaurant": 0.45}
"""Where they eat: category -> weight."""
TIMELESS_H = 12.0
"""A mall without a clock (a constant crowd) lives at this hour."""
