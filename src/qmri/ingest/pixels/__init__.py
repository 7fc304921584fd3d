"""From the bytes of a file to arrays, without loss, or a refusal."""
