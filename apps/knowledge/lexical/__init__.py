"""Search by words: texts become terms (`analysis`), terms become postings (`postings`), BM25 ranks them (`ranking`).

PostgreSQL's own text search is not used for ranking: `ts_rank` does not know how rare a word is, its parser and
dictionaries depend on the server's locale, and `@@` is no leak-proof operator, so under row-level security its index
is never taken. Postings are rows found by equality, which is.
"""
