"""One person, many ids: claims with their evidence, merges, conflicts, imports."""
