"""A payment as the frameworks' tutorials have it: a key permission, a serializer, a row at a time."""

from datetime import UTC, datetime

from django.db import transaction
from rest_framework import generics, serializers
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework_api_key.permissions import HasAPIKey

from bench.variants.textbook.models import (
    TextbookAudit,
    TextbookCustomer,
    TextbookEntry,
    TextbookEvent,
    TextbookLoan,
    TextbookPayment,
    TextbookPaymentDetail,
    TextbookPosting,
    TextbookTopic,
)


class DetailSerializer(serializers.ModelSerializer):
    loan_external_id = serializers.CharField(source="loan.external_id", read_only=True)

    class Meta:
        model = TextbookPaymentDetail
        fields = ["loan_external_id", "amount"]


class PaymentSerializer(serializers.ModelSerializer):
    customer_external_id = serializers.SlugRelatedField(
        slug_field="external_id", queryset=TextbookCustomer.objects.all(), source="customer"
    )
    payment_details = DetailSerializer(many=True, read_only=True)

    class Meta:
        model = TextbookPayment
        fields = ["external_id", "customer_external_id", "total_amount", "status", "paid_at", "payment_details"]
        read_only_fields = ["status", "paid_at"]

    def validate_total_amount(self, amount):
        if amount <= 0:
            raise serializers.ValidationError("It must be positive.")
        return amount

    def create(self, validated):
        with transaction.atomic():
            customer = TextbookCustomer.objects.select_for_update().get(pk=validated["customer"].pk)
            loans = list(
                customer.loans.select_for_update().filter(status=TextbookLoan.ACTIVE).order_by("taken_at", "created_at")
            )
            amount = validated["total_amount"]
            if amount > sum(loan.outstanding for loan in loans):
                return TextbookPayment.objects.create(**validated, status=TextbookPayment.REJECTED)
            payment = TextbookPayment.objects.create(**validated, paid_at=datetime.now(UTC))
            for loan in loans:
                if not amount:
                    break
                part = min(loan.outstanding, amount)
                amount -= part
                loan.outstanding -= part
                if not loan.outstanding:
                    loan.status = TextbookLoan.PAID
                loan.save()
                TextbookPaymentDetail.objects.create(payment=payment, loan=loan, amount=part)
            self._book(payment)
            self._tell(payment, customer)
        return payment

    def _book(self, payment):
        posting = TextbookPosting.objects.create(kind="payment", payment=payment)
        TextbookEntry.objects.create(posting=posting, account="clearing", amount=-payment.total_amount)
        TextbookEntry.objects.create(posting=posting, account="receivable", amount=payment.total_amount)

    def _tell(self, payment, customer):
        TextbookAudit.objects.create(
            actor_id=customer.user_id,
            action="payment.completed",
            target_type="textbook.textbookpayment",
            target_id=str(payment.pk),
        )
        topic = TextbookTopic.objects.select_for_update().get(key=f"user.{customer.user_id}")
        topic.head += 1
        topic.save()
        payload = {"payment_id": str(payment.pk), "amount": str(payment.total_amount)}
        TextbookEvent.objects.create(topic=topic, seq=topic.head, kind="payment.completed", payload=payload)


class Payments(generics.CreateAPIView):
    authentication_classes = []
    permission_classes = [HasAPIKey]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = []
    serializer_class = PaymentSerializer
