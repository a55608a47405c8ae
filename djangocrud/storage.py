"""How files lie in S3, or in anything that speaks its protocol."""

from typing import Any

from boto3.s3.transfer import TransferConfig

from djangocrud.env import Env

READ_IN_MEMORY_MAX = 256 * 1024
ONE_REQUEST_MAX = 128 * 1024 * 1024


def s3_storage(env: Env) -> dict[str, Any]:
    """Return Django's storage setting. Both directions stream: boto3's own defaults hold a file's parts in memory."""
    options = {
        "access_key": env.aws_access_key_id or None,
        "secret_key": env.aws_secret_access_key.get_secret_value() or None,
        "bucket_name": env.aws_storage_bucket_name,
        "region_name": env.aws_s3_region_name or None,
        "signature_version": env.aws_s3_signature_version or None,
        "addressing_style": env.aws_s3_addressing_style or None,
        "endpoint_url": env.aws_s3_endpoint_url or None,
        "default_acl": None,
        "file_overwrite": True,  # names are random, so asking first whether one is taken would be a request for nothing
        "max_memory_size": READ_IN_MEMORY_MAX,
        "transfer_config": TransferConfig(multipart_threshold=ONE_REQUEST_MAX, use_threads=False),
    }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {name: value for name, value in options.items() if value is not None or name == "default_acl"},
    }
