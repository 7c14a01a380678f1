from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0004_appeals"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="target",
            field=models.FloatField(
                help_text="how probable each result must be, at the least labels; null: redundancy labels an item",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="planned_answers",
            field=models.IntegerField(default=-1, help_text="answers that the last plan of labels knew"),
        ),
        migrations.AddField(
            model_name="annotatorstats",
            name="preferred",
            field=models.JSONField(default=list, help_text="ids of tasks about which this annotator would tell most"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("target__isnull", True), models.Q(("target__gte", 0.5), ("target__lte", 0.99)), _connector="OR"
                ),
                name="order_target_range",
            ),
        ),
    ]
