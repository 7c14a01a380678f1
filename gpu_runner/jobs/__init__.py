"""Training jobs: stored state, and the child processes that do the work."""
