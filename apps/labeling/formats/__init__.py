"""Other tools' files and ours: a design with its items, to and from what Label Studio, COCO, CoNLL and the Hub read.

Everything here is pure: JSON in, bytes out, one item at a time, so that an export needs the same memory whatever its
size. What a format cannot hold is said where it is left out.
"""
