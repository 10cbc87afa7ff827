"""Contents of events at Kafka's brokers: one topic, one message an event, partitions by visitor."""
