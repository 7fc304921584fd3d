"""Images and how they were acquired: volumes on disk and in memory. What is in them is no matter here."""
