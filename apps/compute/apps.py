"""Django configuration of compute: the runner's client and the jobs given to it."""

from django.apps import AppConfig


class ComputeConfig(AppConfig):
    """The platform's side of the runner."""

    name = "apps.compute"
    label = "compute"
    verbose_name = "Compute"
