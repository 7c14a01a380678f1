"""The tools that agents call, and the runs that call them."""
