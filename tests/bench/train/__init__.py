"""What training costs, beside plain references."""
