"""L4: what runs next: dependencies between tasks."""
