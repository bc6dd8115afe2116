from django.db import models


class Notice(models.Model):
    title = models.CharField(max_length=200)
    college_id = models.PositiveBigIntegerField()
    is_published = models.BooleanField(default=False)
