"""Messages between a session and its agents: in order, each once, over connections that may break for a while."""
