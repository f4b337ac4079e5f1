"""The whole of ChargeCoin on one machine: every role a process of its own, driven by one clock."""
