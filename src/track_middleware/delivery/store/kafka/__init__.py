"""Contents of events at Kafka's brokers: one topic, many of them a message, a shard a partition."""
