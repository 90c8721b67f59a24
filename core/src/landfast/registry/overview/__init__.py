"""Overview: what people see who look around in a registry, page by page."""
