"""L2: one unit of work: what it needs, in which state it is, and which slot runs it when."""
