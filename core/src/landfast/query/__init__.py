"""Query: read-only answers over what the registry holds."""
