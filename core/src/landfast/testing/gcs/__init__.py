"""The parts of the loopback Cloud Storage server; start it with `landfast.testing.gcs_server`."""
