"""Frame → Event: finds the format, gives the event its time and its id, keeps dead letters."""
