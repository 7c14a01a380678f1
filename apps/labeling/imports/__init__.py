"""From a requester's files, buckets and addresses to items: reading, checking and cleaning, without the database."""
