"""The tables of markers: their columns, table by table."""
