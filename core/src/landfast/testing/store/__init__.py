"""The parts of the store suite, by subject; see `landfast.testing.StoreSuite`."""
