"""ChargeCoin: the kernel that charging, settlement, indexing and the dashboard share."""
