"""Data and models on real servers: S3, and MLflow on PostgreSQL and S3."""
