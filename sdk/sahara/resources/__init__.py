"""The API by subject; each is an attribute of `sahara.Client`."""
