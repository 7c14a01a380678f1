"""Django configuration of the asset registry."""

from django.apps import AppConfig


class AssetsConfig(AppConfig):
    """The one registry of datasets, models, knowledge bases and agents."""

    name = "apps.assets"
    label = "assets"
    verbose_name = "Assets"
