"""L1: capacity: pilots, how they are obtained (launchers) and what runs tasks inside them (engines)."""
