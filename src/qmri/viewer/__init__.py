"""A page on which maps and labels are scrolled through in any browser, without network or installation."""
