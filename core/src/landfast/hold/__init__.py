"""Hold: let the store promise that the object versions of a version stay, and take the promise back."""
