"""Mail: what needs an address, and how it gets there."""
