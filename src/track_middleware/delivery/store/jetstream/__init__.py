"""JetStream, the log of NATS, as a place for bodies: ``bodies.py`` beside this folder."""
