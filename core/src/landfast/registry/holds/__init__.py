"""Which versions are held, and the object versions that this takes."""
