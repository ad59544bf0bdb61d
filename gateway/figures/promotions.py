"""Promotions as rows."""

from gateway.api.tables import PromotionRow
from gateway.store.promotions import Promotion


def promotion_row(one: Promotion) -> PromotionRow:
    """The row of a promotion."""
    return PromotionRow(
        time=one.start_ms,
        promotion=one.promotion,
        zone=one.zone,
        title_en=one.title_en,
        title_zh=one.title_zh,
        ended_ms=one.end_ms,
        removed=one.removed,
    )
