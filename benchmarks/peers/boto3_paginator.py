"""List every version with boto3's paginator, and keep nothing."""

import sys

import boto3

pages = boto3.client("s3").get_paginator("list_object_versions")
for page in pages.paginate(Bucket="bench", Prefix=sys.argv[1]):
    page.get("Versions")
