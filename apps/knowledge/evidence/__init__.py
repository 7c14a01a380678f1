"""Which sentences answer a question, and how sure it is that any of them does."""
