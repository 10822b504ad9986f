"""The process that reads hostile files, and may crash: ``-m services.verifier.documents.worker``."""
