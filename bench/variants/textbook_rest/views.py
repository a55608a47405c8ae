"""The textbook's expenses: a ModelSerializer behind ListCreateAPIView, as the DRF tutorial ends, with an audit row."""

from django.db import transaction
from rest_framework import generics, serializers
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework_simplejwt.authentication import JWTAuthentication

from bench.variants.textbook.models import TextbookAudit, TextbookExpense


class ExpenseSerializer(serializers.ModelSerializer):
    class Meta:
        model = TextbookExpense
        fields = [
            "id",
            "title",
            "description",
            "amount",
            "creation_date",
            "creation_time",
            "user",
            "category",
            "subcategory",
        ]
        read_only_fields = ["id", "user"]

    def validate(self, attrs):
        if attrs["amount"] <= 0:
            raise serializers.ValidationError({"amount": "It must be positive."})
        if attrs["category"].type != "expense" or attrs["subcategory"].category_id != attrs["category"].pk:
            raise serializers.ValidationError({"subcategory": "It does not fit."})
        return attrs


class Expenses(generics.ListCreateAPIView):
    authentication_classes = [JWTAuthentication]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = []
    serializer_class = ExpenseSerializer

    def get_queryset(self):
        return TextbookExpense.objects.filter(user=self.request.user).order_by("-creation_date", "-creation_time")

    def perform_create(self, serializer):
        with transaction.atomic():
            made = serializer.save(user=self.request.user)
            TextbookAudit.objects.create(
                actor=self.request.user,
                action="expense.added",
                target_type="textbook.textbookexpense",
                target_id=str(made.pk),
            )
