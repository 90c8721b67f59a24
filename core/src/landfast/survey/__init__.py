"""Survey: what stores list of recorded objects, entry by entry, in as few requests as possible."""
