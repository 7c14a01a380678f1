"""Configuration of the platform: settings, routes, processes. No business code."""

from sahara_platform.celery import app as celery_app

__all__ = ["celery_app"]
