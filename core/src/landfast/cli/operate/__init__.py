"""Commands for whoever runs a registry."""
