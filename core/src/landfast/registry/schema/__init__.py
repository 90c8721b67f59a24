"""The tables of a registry, how they are made and brought to the newest revision, and whose they are."""
