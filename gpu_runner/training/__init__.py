"""What runs in a job's child process. Standard output carries messages to the parent, one JSON object a line."""
