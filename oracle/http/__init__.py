"""The oracle's HTTP side: for attesters, auditors, payers, pages and its operator."""
