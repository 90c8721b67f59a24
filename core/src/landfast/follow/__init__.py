"""Follow the feeds: a consumer with a name, a lease and a remembered position; at least once, in order."""
