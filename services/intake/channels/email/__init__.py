"""Requests by mail: parsing, classification, replies, and their cases."""
