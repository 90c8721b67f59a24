"""Watch artifacts: run a command, or send a webhook, for each change of content or of an alias."""
