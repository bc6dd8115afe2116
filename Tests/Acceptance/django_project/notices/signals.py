"""The signal of specs/campus.md, "Notice Post-Save Signal"; the client's README shows it too."""

from django.db import transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from switchboard_client import broadcast_college_notification

from .models import Notice


@receiver(pre_save, sender=Notice)
def remember(sender, instance, **kwargs):
    instance.was_published = Notice.objects.filter(pk=instance.pk, is_published=True).exists()


@receiver(post_save, sender=Notice)
def announce(sender, instance, **kwargs):
    if instance.is_published and not instance.was_published:
        def send():
            data = {"notice_id": instance.pk, "url": f"/notices/{instance.pk}"}
            broadcast_college_notification(instance.college_id, "New Notice", instance.title, "notice", data)

        transaction.on_commit(send, robust=True)
