"""Services: one verb a module, over the seams; nothing here knows a provider or a door."""
