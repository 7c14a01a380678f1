from django.db import migrations, models

import apps.labeling.types

SEE_ALL = "SELECT set_config('app.all_tenants', 'on', true);"
SEE_NONE = "SELECT set_config('app.all_tenants', 'off', true);"

# One text and one choice become the plain design with the input `text` and the control `label`, and back.
FILL = """
CREATE OR REPLACE FUNCTION pg_temp.plain_design(classes jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'inputs', jsonb_build_array(jsonb_build_object('name', 'text', 'type', 'text', 'title', '')),
        'controls', jsonb_build_array(jsonb_build_object(
            'type', 'choice', 'name', 'label', 'input', 'text', 'title', '', 'required', true, 'classes', classes)))
$$;
CREATE OR REPLACE FUNCTION pg_temp.plain_example(example jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN coalesce(example ->> 'text', '') = '' THEN '{}'::jsonb ELSE jsonb_build_object(
        'data', jsonb_build_object('text', example -> 'text'),
        'answer', jsonb_build_object('label', example -> 'label'),
        'why', coalesce(example -> 'why', '""'::jsonb)) END
$$;
UPDATE labeling_order SET design = pg_temp.plain_design(classes), example = pg_temp.plain_example(example);
UPDATE labeling_boardlisting SET design = pg_temp.plain_design(classes), example = pg_temp.plain_example(example);
UPDATE labeling_task
   SET data = jsonb_build_object('text', text),
       gold = CASE WHEN gold_label <> '' THEN jsonb_build_object('label', gold_label) END,
       result = CASE WHEN label <> '' THEN jsonb_build_object('label', label) END,
       made_by = CASE WHEN gold_label <> '' THEN 'requester' ELSE 'human' END;
UPDATE labeling_annotation SET answer = jsonb_build_object('label', label), answer_text = label;
"""

EMPTY = """
CREATE OR REPLACE FUNCTION pg_temp.flat_example(example jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN example = '{}'::jsonb THEN example ELSE jsonb_build_object(
        'text', example #> '{data,text}', 'label', example #> '{answer,label}', 'why', example -> 'why') END
$$;
UPDATE labeling_order
   SET classes = coalesce(design #> '{controls,0,classes}', '[]'), example = pg_temp.flat_example(example);
UPDATE labeling_boardlisting
   SET classes = coalesce(design #> '{controls,0,classes}', '[]'), example = pg_temp.flat_example(example);
UPDATE labeling_task
   SET text = coalesce(data ->> 'text', ''), gold_label = coalesce(gold ->> 'label', ''),
       label = coalesce(result ->> 'label', '');
UPDATE labeling_annotation SET label = coalesce(answer ->> 'label', '');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0001_initial"),
    ]

    operations = [
        # Each new column comes empty, is filled, and then loses its default.
        migrations.AddField("order", "design", models.JSONField(default=dict)),
        migrations.AddField("boardlisting", "design", models.JSONField(default=dict)),
        migrations.AddField("task", "data", models.JSONField(default=dict)),
        migrations.AddField(
            "task",
            "gold",
            models.JSONField(
                help_text="the known answer of a check question, {control name: value}",
                null=True,
            ),
        ),
        migrations.AddField(
            "task",
            "result",
            models.JSONField(help_text="{control name: value}, once decided", null=True),
        ),
        migrations.AddField(
            "task",
            "made_by",
            models.CharField(
                choices=[("human", "human"), ("machine", "machine"), ("requester", "requester")],
                default=apps.labeling.types.MadeBy["HUMAN"],
                max_length=10,
            ),
        ),
        migrations.AddField("annotation", "answer", models.JSONField(default=dict)),
        migrations.AddField(
            "annotation",
            "answer_text",
            models.CharField(default="", help_text="the answer in a few words", max_length=200),
        ),
        # A column can only be left out, and come back, with a default.
        migrations.AlterField("order", "classes", models.JSONField(default=list)),
        migrations.AlterField("boardlisting", "classes", models.JSONField(default=list)),
        migrations.AlterField("task", "text", models.TextField(default="")),
        migrations.AlterField("annotation", "label", models.CharField(default="", max_length=80)),
        migrations.RunSQL([SEE_ALL, FILL, SEE_NONE], [SEE_ALL, EMPTY, SEE_NONE]),
        migrations.RemoveField("order", "classes"),
        migrations.RemoveField("boardlisting", "classes"),
        migrations.RemoveField("task", "text"),
        migrations.RemoveField("task", "gold_label"),
        migrations.RemoveField("task", "label"),
        migrations.RemoveField("annotation", "label"),
        migrations.AlterField(
            "order",
            "design",
            models.JSONField(help_text="{inputs, controls}: what a task shows and asks; see apps.labeling.design"),
        ),
        migrations.AlterField("boardlisting", "design", models.JSONField()),
        migrations.AlterField("task", "data", models.JSONField(help_text="{input name: value}")),
        migrations.AlterField("annotation", "answer", models.JSONField(help_text="{control name: value}")),
        migrations.AlterField(
            "annotation",
            "answer_text",
            models.CharField(help_text="the answer in a few words", max_length=200),
        ),
        migrations.AlterField(
            "annotation",
            "task_text",
            models.CharField(help_text="the task in a few words", max_length=200),
        ),
        migrations.AlterField(
            "order",
            "example",
            models.JSONField(default=dict, help_text="{data, answer, why}: one worked example"),
        ),
        migrations.AlterField(
            "task",
            "confidence",
            models.FloatField(help_text="that the result is right; the least of its controls", null=True),
        ),
    ]
