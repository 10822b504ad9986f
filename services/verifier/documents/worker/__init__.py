"""The process that reads hostile files and may die of it: ``-m services.verifier.documents.worker``."""
