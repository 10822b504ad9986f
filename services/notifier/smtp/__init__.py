"""Delivery of mail by SMTP."""
