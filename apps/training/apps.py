"""Django configuration of training."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Training runs and the models that come of them."""

    name = "apps.training"
    label = "training"
    verbose_name = "Training"
