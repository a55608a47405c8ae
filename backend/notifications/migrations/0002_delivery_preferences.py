from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_reading_and_sending_out"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeliveryPreference",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("by_email", models.BooleanField(db_default=True, default=True)),
                ("by_push", models.BooleanField(db_default=True, default=True)),
            ],
        ),
    ]
