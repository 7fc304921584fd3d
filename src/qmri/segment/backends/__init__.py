"""Segmentation models of the field as external programs, each described by a small YAML description.

A program runs in its own environment: nothing here imports it, and it needs to know nothing of qmri.
"""
