"""The test kit: conformance suites for every seam, and real servers to run them against."""
