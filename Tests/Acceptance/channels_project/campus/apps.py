from django.apps import AppConfig


class CampusConfig(AppConfig):
    name = "campus"

    def ready(self) -> None:
        from . import signals  # noqa: F401
