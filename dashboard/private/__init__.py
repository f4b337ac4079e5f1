"""What only an owner's people may see: their own database, apart from the chain's tables."""
