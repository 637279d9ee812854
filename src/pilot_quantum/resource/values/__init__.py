"""Large values: laid out so that a worker can use them where they lie, kept in memory that processes share."""
