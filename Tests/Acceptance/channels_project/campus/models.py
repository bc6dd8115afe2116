from django.db import models


class Notice(models.Model):
    title = models.CharField(max_length=200)
    college_id = models.PositiveBigIntegerField()
    is_published = models.BooleanField(default=False)


class Message(models.Model):
    sender_id = models.PositiveBigIntegerField()
    sender_name = models.CharField(max_length=200)
    receiver_id = models.PositiveBigIntegerField()
    text = models.TextField()
    sent_at = models.DateTimeField(auto_now_add=True)
