from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        autodiscover_modules("handlers")
        autodiscover_modules("consumers")
        autodiscover_modules("checks")
