"""Commands that follow the feeds."""
