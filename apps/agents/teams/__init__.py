"""Teams: several agents working together as a graph. Pure rules; rows and writes are in models, selectors, services."""
