"""Reads driver's licences of the United States and Canada from their barcode, as claims."""
