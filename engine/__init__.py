"""Tieline: one stream of IT and OT events, correlated in event time with Sigma rules."""
