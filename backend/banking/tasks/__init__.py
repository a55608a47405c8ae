"""What banking does by the clock and behind an answer, one module for each part."""
