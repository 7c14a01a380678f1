"""How far similarity is trusted in each language of a knowledge base, and how many terms a document has."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0005_rooms")]

    operations = [
        migrations.AddField(
            "knowledgebase",
            "trust",
            models.JSONField(default=dict, help_text="how far similarity is trusted in each language (0 to 1)"),
        ),
        migrations.AddField(
            "knowledgebase",
            "trust_number",
            models.PositiveIntegerField(default=0, help_text="the next number when trust was measured"),
        ),
        migrations.AddField(
            "document",
            "term_count",
            models.PositiveIntegerField(default=0, help_text="terms of all its chunks together; 0: not counted"),
        ),
    ]
