"""Log: what happens to the registry when content is logged."""
