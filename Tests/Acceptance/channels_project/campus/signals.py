"""What is stored is told to the groups of those whom it is for (specs/campus.md, Backend Triggers)."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Message, Notice


def group_send(group: str, event: dict) -> None:
    async_to_sync(get_channel_layer().group_send)(group, event)


@receiver(post_save, sender=Notice)
def announce(sender, instance, **kwargs):
    if instance.is_published:
        group_send(f"college_notifications_{instance.college_id}", {
            "type": "notify", "title": "New Notice", "message": instance.title, "notification_type": "notice",
            "data": {"notice_id": instance.pk},
        })


@receiver(post_save, sender=Message)
def deliver(sender, instance, created, **kwargs):
    if created:
        group_send(f"user_{instance.receiver_id}", {
            "type": "chat_message", "id": instance.pk, "sender_id": instance.sender_id,
            "sender_name": instance.sender_name, "message": instance.text, "attachment": None,
            "timestamp": instance.sent_at.isoformat(),
        })
