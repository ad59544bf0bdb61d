"""Members understood: value tiers, clusters, tags, audiences, shops that go together."""
