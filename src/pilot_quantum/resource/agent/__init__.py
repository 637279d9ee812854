"""What runs beside the tasks on a host: the guard that starts and ends processes, and the worker."""
