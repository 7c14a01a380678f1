"""What leaves an agent: instructions, canaries and long copies of documents are held back, links are made harmless."""
