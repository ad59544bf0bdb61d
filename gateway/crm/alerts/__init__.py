"""What is far from usual for the hour and the weekday, told in a sentence."""
