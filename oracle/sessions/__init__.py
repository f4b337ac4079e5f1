"""From a closed transaction to a session that can be proposed, or to the reason why not."""
