"""Campaigns: reading the form, what one would have cost, what one did, and what may be sent."""
