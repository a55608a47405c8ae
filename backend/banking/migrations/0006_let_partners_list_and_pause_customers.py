import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("banking", "0005_store_what_the_loan_model_said"),
        ("rest_framework_api_key", "0005_auto_20220110_1102"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="is_paused",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="partnerkey",
            name="api_key",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="partner",
                serialize=False,
                to="rest_framework_api_key.apikey",
            ),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("external_id__isnull", False)),
                fields=["bank", "-created_at", "account_id"],
                name="banking_account_of_partner",
            ),
        ),
        migrations.AddIndex(
            model_name="loan",
            index=models.Index(
                condition=models.Q(("external_id__isnull", False)),
                fields=["bank", "-created_at", "loan_id"],
                name="banking_loan_of_partner",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("external_id__isnull", False)),
                fields=["bank", "-created_at", "id"],
                name="banking_payment_of_partner",
            ),
        ),
    ]
