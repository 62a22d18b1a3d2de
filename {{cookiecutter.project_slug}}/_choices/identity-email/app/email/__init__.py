"""Mail: what is written, stored in the outbox, and sent."""
