"""The provider that is built in, for test programmes and for trials."""
