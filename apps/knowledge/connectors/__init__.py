"""Places that documents lie in: what they hold, and its bytes. All of it goes through the one safe client."""
