"""Reads of the labelling room."""
