"""Members who agreed: consent, identity, matching, the feed, figures of a web shop, segments, alerts."""
