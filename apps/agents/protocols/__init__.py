"""Answers in the shapes of other people's protocols."""
