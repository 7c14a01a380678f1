"""Reading files: what a file really is, and its text as blocks. Pure Python, no Django, run in a child process."""
