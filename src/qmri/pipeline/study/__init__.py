"""What a user says of a study: the sheet, the settings, and whether both can be right."""
