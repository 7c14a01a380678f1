"""Auto-annotation: what a machine can label of an order, and which items people should label for it to learn.

Everything here is pure computation on embeddings and labels; nothing reads the database. Heavy libraries (numpy, scipy,
scikit-learn) are imported inside functions, because every web process imports this room.
"""
