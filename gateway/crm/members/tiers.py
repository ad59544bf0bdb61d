"""Value tiers by RFM: how recently, how often and for how much a member buys.

Each of the three is scored 1 to 5 by quintiles among the members who bought anything in the window (Hughes,
Strategic Database Marketing, 1994): days since the last purchase, days with a purchase, amount spent. The
sum, 3 to 15, gives the tier. The quintiles are kept until the next fit, so between fits a tier changes only
by what the member does.
"""

from __future__ import annotations

import msgspec
import numpy as np

from gateway.crm.members.reading import DAY_MS, WEEK_MS, WINDOW_MS, Done, Floats, Ints
from gateway.crm.members.words import Words

QUINTILES = (0.2, 0.4, 0.6, 0.8)
FEWEST = 50
"""Members who bought something; quintiles of fewer say nothing."""
WEEKS = WINDOW_MS // WEEK_MS


class Cuts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Quintiles, ascending; a value above one of them, or equal to it, is beyond it."""

    recency_d: list[float]
    """Days since the last purchase; fewer are better."""
    frequency_d: list[float]
    """Days with a purchase."""
    spend: list[float]
    """In the currency's smallest unit."""


class Tier(msgspec.Struct, frozen=True):
    """A tier: from which sum of the three scores on a member is in it."""

    id: str
    least: int
    name: Words
    description: Words


def _tier(key: str, least: int, en: str, zh: str, says_en: str, says_zh: str) -> Tier:
    return Tier(key, least, Words(en=en, zh=zh), Words(en=says_en, zh=says_zh))


_UP_EN = "More days with a purchase, more spent, or a purchase again soon moves a member up."
_UP_ZH = "购买天数更多、消费更多或近期再次购买，即可升级。"
TIERS = (
    _tier(
        "best", 13, "Best customers", "顶级会员",
        "Buy often, lately, and for most: 13 to 15 of 15 points for recency, frequency and spend.",
        "近期、经常且高额消费：最近消费、频率、金额三项合计 15 分中得 13 至 15 分。",
    ),
    _tier(
        "regular", 10, "Regulars", "忠实会员",
        f"10 to 12 of 15 points. {_UP_EN}", f"15 分中得 10 至 12 分。{_UP_ZH}"
    ),
    _tier(
        "occasional", 7, "Occasional", "普通会员",
        f"7 to 9 of 15 points. {_UP_EN}", f"15 分中得 7 至 9 分。{_UP_ZH}"
    ),
    _tier(
        "rare", 3, "Rare", "低频会员", f"3 to 6 of 15 points. {_UP_EN}", f"15 分中得 3 至 6 分。{_UP_ZH}"
    ),
    _tier(
        "quiet", 0, "Quiet", "沉睡会员",
        f"No purchase with the card in {WEEKS} weeks. The next one moves a member up.",
        f"{WEEKS} 周内没有会员消费记录，下次购买即可升级。",
    ),
)  # fmt: skip
"""The best first. What they are and where they begin does not change with the members."""


def rfm(done: Done) -> tuple[Floats, Floats, Floats]:
    """Return days since the last purchase (inf = none), days with one, and what was spent; (M,) each."""
    members, sales = len(done.persons), done.sales
    last = np.full(members, -np.inf)
    np.maximum.at(last, sales.member, sales.t_ms.astype(np.float64))
    day = done.local_ms(sales.t_ms) // DAY_MS
    many = int(day.max(initial=0)) + 1
    days = np.unique(sales.member * many + day) // many
    return (
        (done.to_ms - last) / DAY_MS,
        np.bincount(days, minlength=members).astype(np.float64),
        np.bincount(sales.member, weights=sales.amount, minlength=members).astype(np.float64),
    )


def cuts_of(done: Done) -> Cuts | None:
    """Return the quintiles of those who bought something; None where too few did."""
    recency, frequency, spend = rfm(done)
    bought = frequency > 0
    if bought.sum() < FEWEST:
        return None
    return Cuts(*(np.quantile(one[bought], QUINTILES).tolist() for one in (recency, frequency, spend)))


def scores(done: Done, cuts: Cuts) -> Ints:
    """Return the sums of the three scores, (M,) in 3..15; 0 for who bought nothing."""
    recency, frequency, spend = rfm(done)
    found = 5 - np.searchsorted(cuts.recency_d, recency, side="right")
    found = found + 1 + np.searchsorted(cuts.frequency_d, frequency, side="right")
    found = found + 1 + np.searchsorted(cuts.spend, spend, side="right")
    return np.where(frequency > 0, found, 0)


def tiers_of(done: Done, cuts: Cuts) -> list[str]:
    """Return each member's tier."""
    return [next(tier.id for tier in TIERS if score >= tier.least) for score in scores(done, cuts).tolist()]
