from django.db import migrations, models

import apps.labeling.types


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0005_targets"),
        ("tenancy", "0002_platform_organisation"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="order",
            name="order_running_is_funded",
        ),
        migrations.AddField(
            model_name="boardlisting",
            name="paused",
            field=models.BooleanField(default=False, help_text="it takes the answers in hand and lends nothing new"),
        ),
        migrations.AddField(
            model_name="order",
            name="budget_minor",
            field=models.PositiveBigIntegerField(
                help_text="the most to spend, fee included; null: what all labels cost", null=True
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="captured_before_minor",
            field=models.PositiveBigIntegerField(
                default=0, help_text="paid from the holds that the present one replaced when the order was extended"
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="deadline",
            field=models.DateTimeField(
                help_text="no task is lent from then on; the order ends with what it has", null=True
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="sample",
            field=models.JSONField(default=list, help_text="[{task, answer, elapsed_ms}]: the requester's own answers"),
        ),
        migrations.AlterField(
            model_name="order",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "draft"),
                    ("running", "running"),
                    ("paused", "paused"),
                    ("closing", "closing"),
                    ("finished", "finished"),
                    ("cancelled", "cancelled"),
                ],
                default=apps.labeling.types.OrderState["DRAFT"],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("deadline__isnull", False), ("state__in", ["running", "paused"])),
                fields=["deadline"],
                name="order_deadline",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("budget_minor__isnull", False), ("state", "running")),
                fields=["tenant"],
                name="order_with_budget",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["running", "paused", "closing", "finished"]), _negated=True),
                    ("hold_id__isnull", False),
                    _connector="OR",
                ),
                name="order_running_is_funded",
            ),
        ),
    ]
