"""How what aliases name stands, and that this changed."""
