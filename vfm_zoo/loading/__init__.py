"""What loaders share. Imports torch, so nothing outside it may import it before a model is wanted."""
