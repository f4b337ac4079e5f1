"""The oracle: charge points in, signed batches out."""
