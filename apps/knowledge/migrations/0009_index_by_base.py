"""One vector index in which each knowledge base has a region of its own; see ADR 17."""

from django.db import migrations

# 64 signs from a hash of the base's id, of length 1.5 together: two bases' signs are nearly at right angles. Within a
# base they are the same for all, so that they change no order there; between bases they put more between two vectors
# than any two embeddings of one base are apart.
# The body is bound when it is made (RETURN): it works under any search path, as REINDEX and pg_restore need.
CREATE = """
CREATE FUNCTION knowledge_located(embedding vector, base uuid) RETURNS halfvec
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (l2_normalize(embedding) || (
    SELECT array_agg((2 * get_bit(sha256(uuid_send(base)), place) - 1)::real * 0.1875 ORDER BY place)
    FROM generate_series(0, 63) AS place
)::vector)::halfvec;

CREATE INDEX chunk_located ON knowledge_chunk
USING hnsw ((knowledge_located(embedding, knowledge_base_id)::halfvec(448)) halfvec_cosine_ops)
WITH (m = 16, ef_construction = 128);
"""
REVERSE = "DROP INDEX chunk_located; DROP FUNCTION knowledge_located(vector, uuid);"


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0008_privacy")]

    operations = [
        migrations.RemoveIndex(model_name="chunk", name="chunk_embedding"),
        migrations.RunSQL(CREATE, REVERSE),
    ]
