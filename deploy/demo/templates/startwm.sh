#!/bin/sh
# The session of an RDP user: nothing to look at, until the user logs off.
exec sleep 3600
