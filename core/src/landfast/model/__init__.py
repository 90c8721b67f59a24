"""The nouns of Landfast: pure values and pure functions, no input or output."""
