"""Measurements, each a program; figures are ratios of one run, because machines differ and are busy."""
