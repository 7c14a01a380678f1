"""Pages of the labelling room: orders for requesters, work for annotators."""
